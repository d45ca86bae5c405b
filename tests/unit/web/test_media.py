"""Media types, before all else."""

import pytest

from muniment.web.media import content_type, refuse_media
from tests.unit.web.building import details_of, json_of

JSON = "application/json"
MERGE = "application/merge-patch+json"
PATCH = "application/json-patch+json"


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        JSON,
        "application/*",
        "text/html, application/json;q=0.9",
        " ",
        "*/*;q=0.001",
        "text/html,*/*",
    ],
)
def test_what_admits_json_is_accepted(accept: str) -> None:
    """MT-1."""
    assert refuse_media("GET", {"Accept": accept}) is None


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/xml",
        "application/json;q=0",
        "application/json;q=0.0, */*",
        ";",
        "é",
    ],
)
def test_what_does_not_admit_json_is_406(accept: str) -> None:
    """MT-1 and ERR-2."""
    response = refuse_media("GET", {"Accept": accept})

    assert response is not None
    assert (response.status, json_of(response)["error"]) == (406, "Invalid parameters")
    assert details_of(response) == [
        {
            "location": "header",
            "name": "Accept",
            "description": "Accept header should be one of ['application/json']",
        }
    ]


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("POST", JSON),
        ("PUT", f"{JSON}; charset=utf-8"),
        ("PUT", "Application/JSON"),
        ("PATCH", MERGE),
        ("PATCH", f"{PATCH}; charset=utf-8"),
        ("DELETE", "text/plain"),
        ("GET", "image/png"),
    ],
)
def test_known_content_types_pass(method: str, given: str) -> None:
    """MT-2, MT-3 and MT-4."""
    assert refuse_media(method, {"Content-Type": given}) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_no_content_type_is_json(method: str) -> None:
    """MT-2."""
    assert refuse_media(method, {}) is None


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "given", ["text/plain", MERGE, "application/x-www-form-urlencoded", "\udcff"]
)
def test_other_content_types_are_415(method: str, given: str) -> None:
    """MT-2."""
    response = refuse_media(method, {"Content-Type": given})

    assert response is not None
    assert response.status == 415
    assert details_of(response)[0]["description"] == (
        "Content-Type header should be one of ['application/json']"
    )


def test_patch_lists_its_three_types() -> None:
    """MT-3."""
    response = refuse_media("PATCH", {"Content-Type": "text/plain"})

    assert response is not None
    assert details_of(response)[0]["description"].endswith(f"['{JSON}', '{MERGE}', '{PATCH}']")


def test_406_comes_before_415() -> None:
    """Section 2.3, step 3."""
    response = refuse_media("PUT", {"Accept": "text/html", "Content-Type": "text/plain"})

    assert response is not None
    assert response.status == 406


def test_parameters_do_not_change_the_meaning() -> None:
    """MT-3 (D-3)."""
    assert content_type({"Content-Type": f"{MERGE} ; charset=UTF-8"}) == MERGE
