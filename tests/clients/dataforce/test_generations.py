"""What each generation of clients sends, and what it must get: plain HTTP, their own headers.

Sections are those of the contract. The older generations are on no registry.
"""

import re
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from tests.clients.dataforce.site import (
    DEFAULT_ORBIT,
    ORGANIZATION,
    SECOND_ORBIT,
    Site,
    create,
    names,
)

PREFIXES: Final = pytest.mark.parametrize("prefix", ["", "/v1"], ids=["plain", "v1"])
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@PREFIXES
def test_organizations_are_those_of_the_key(site: Site, prefix: str) -> None:
    """Section 2: the first request of every client, which it finds its organization by."""
    [found] = site.client("owner", prefix=prefix)("GET", "/users/me/organizations").json()

    assert found["id"] == site.organization
    assert found["name"] == ORGANIZATION
    assert TIME.fullmatch(found["created_at"])
    assert found["role"] == "owner"
    assert site.client("outsider")("GET", "/users/me/organizations").json() == []


@PREFIXES
def test_orbits_have_all_that_models_require(site: Site, prefix: str) -> None:
    """Section 4: each field of the right type, no required one null."""
    orbits = site.client("owner", prefix=prefix)("GET", site.orbits).json()

    by_name = {each["name"]: each for each in orbits}
    assert {DEFAULT_ORBIT, SECOND_ORBIT} <= set(by_name)
    found = by_name[DEFAULT_ORBIT]
    assert site.default_orbit.endswith(found["id"])
    assert found["organization_id"] == site.organization
    assert str(UUID(found["bucket_secret_id"])) == found["bucket_secret_id"]
    assert TIME.fullmatch(found["created_at"])
    assert found["total_members"] == 2


@PREFIXES
def test_an_orbit_counts_its_collections(site: Site, orbit: str, prefix: str) -> None:
    """Section 4: the live number."""
    client = site.client("owner", prefix=prefix)
    assert client("GET", orbit).json()["total_collections"] == 0

    made = create(client, orbit)
    assert client("GET", orbit).json()["total_collections"] == 1
    client("DELETE", f"{orbit}/collections/{made['id']}")

    assert client("GET", orbit).json()["total_collections"] == 0


@PREFIXES
def test_a_collection_carries_the_names_of_both_eras(site: Site, orbit: str, prefix: str) -> None:
    """Section 1: the models ignore what they do not know."""
    client = site.client("owner", prefix=prefix)
    body = {
        "name": "Training Dataset",
        "description": "Dataset for model training",
        "collection_type": "dataset",
        "tags": ["ml", "training"],
    }

    made = client("POST", f"{orbit}/collections", body)

    assert made.status_code == 200
    told = made.json()
    assert UUID(told["id"]).version == 7
    assert TIME.fullmatch(told["created_at"])
    assert {name: told[name] for name in sorted(told) if name not in {"id", "created_at"}} == {
        "collection_type": "dataset",
        "description": "Dataset for model training",
        "name": "Training Dataset",
        "orbit_id": orbit.rpartition("/")[2],
        "tags": ["ml", "training"],
        "total_artifacts": 0,
        "total_models": 0,
        "type": "dataset",
        "updated_at": None,
    }
    assert names(client("GET", f"{orbit}/collections")) == ["Training Dataset"]


def test_the_array_of_the_first_generation(site: Site, orbit: str) -> None:
    """G1 and G1b ask for the listing without a query, and for everything else filter it."""
    made = [create(site.owner, orbit, name) for name in ("a", "b", "c")]

    listed = site.owner("GET", f"{orbit}/collections").json()

    assert isinstance(listed, list)
    assert listed == made[::-1]


@pytest.mark.parametrize(
    "query",
    [{"limit": 2}, {"order": "asc"}, {"cursor": "x"}, {"sort_by": "name"}, {"search": "a"}],
    ids=lambda query: next(iter(query)),
)
def test_the_page_of_the_second(site: Site, orbit: str, query: Any) -> None:
    """Section 1: any of these five makes it a page, whatever the User-Agent."""
    create(site.owner, orbit, "a")

    page = site.owner("GET", f"{orbit}/collections", query=query).json()

    assert set(page) == {"items", "cursor"}
    assert page["cursor"] is None


def test_the_page_of_the_third(site: Site, orbit: str) -> None:
    """Under `/v1` it is a page always."""
    page = site.client("owner", prefix="/v1")("GET", f"{orbit}/collections").json()

    assert page == {"items": [], "cursor": None}


@PREFIXES
@pytest.mark.parametrize("field", ["type", "collection_type"])
def test_creation_takes_the_kind_under_either_name(
    site: Site, orbit: str, prefix: str, field: str
) -> None:
    """Section 5."""
    client = site.client("owner", prefix=prefix)
    body = {"name": "n", "description": "d", field: "dataset"}

    assert client("POST", f"{orbit}/collections", body).json()["type"] == "dataset"


def test_newer_kinds_are_made_under_v1_alone(site: Site, orbit: str) -> None:
    """Section 5; a plain path shows one as it is."""
    body = {"name": "n", "description": "d", "type": "mixed"}

    assert site.owner("POST", f"{orbit}/collections", body).status_code == 422
    newest = site.client("owner", prefix="/v1")
    made = newest("POST", f"{orbit}/collections", body).json()

    plain = site.owner("GET", f"{orbit}/collections/{made['id']}").json()
    assert plain["collection_type"] == "mixed"


@PREFIXES
def test_details_have_the_lists_of_both_eras(site: Site, orbit: str, prefix: str) -> None:
    """Section 4."""
    client = site.client("owner", prefix=prefix)
    made = create(client, orbit)

    found = client("GET", f"{orbit}/collections/{made['id']}").json()

    lists = ("models_tags", "models_metrics", "artifacts_tags", "artifacts_extra_values")
    assert {name: found.pop(name) for name in lists} == {name: [] for name in lists}
    assert found == made


@PREFIXES
def test_an_update_changes_what_it_names(site: Site, orbit: str, prefix: str) -> None:
    """Section 5: null is as absent; kind, creation and id never change."""
    client = site.client("owner", prefix=prefix)
    made = create(client, orbit, "before", tags=["a"])
    path = f"{orbit}/collections/{made['id']}"

    changed = client("PATCH", path, {"name": "after", "description": None, "type": "dataset"})

    assert changed.status_code == 200
    told = changed.json()
    assert TIME.fullmatch(told["updated_at"])
    assert told == {**made, "name": "after", "updated_at": told["updated_at"]}
    assert client("GET", f"{orbit}/collections").json() in (
        [told],
        {"items": [told], "cursor": None},
    )
    assert client("PATCH", path, {"tags": []}).json()["tags"] == []


def test_an_empty_update_changes_nothing(site: Site, orbit: str) -> None:
    """Section 5: 200, and still never updated."""
    made = create(site.owner, orbit)

    assert site.owner("PATCH", f"{orbit}/collections/{made['id']}", {}).json() == made


def test_a_deleted_collection_is_gone(site: Site, orbit: str) -> None:
    """Section 5: 204 without a body, then 404 to everything."""
    made = create(site.owner, orbit)
    path = f"{orbit}/collections/{made['id']}"

    gone = site.owner("DELETE", path)

    assert (gone.status_code, gone.content) == (204, b"")
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        answer = site.owner(method, path, body)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Collection not found"})


def test_names_are_free(site: Site, orbit: str) -> None:
    """Section 5: no naming rule, and they may repeat."""
    for name in ("My Collection", "My Collection", "50% _off_ / ümläut ☃", "", " "):
        create(site.owner, orbit, name)

    listed = names(site.owner("GET", f"{orbit}/collections"))
    assert listed == [" ", "", "50% _off_ / ümläut ☃", "My Collection", "My Collection"]


@pytest.mark.parametrize(
    "body",
    [
        {"description": "d", "type": "model"},
        {"name": "n", "type": "model"},
        {"name": "n", "description": "d"},
        {"name": None, "description": "d", "type": "model"},
        {"name": "n", "description": None, "type": "model"},
        {"name": 1, "description": "d", "type": "model"},
        {"name": "n", "description": "d", "type": "pipeline"},
        {"name": "n", "description": "d", "type": "model", "tags": "ml"},
        {"name": "n", "description": "d", "type": "model", "tags": [1]},
        [],
        "text",
    ],
    ids=str,
)
def test_what_is_no_collection_is_a_422(site: Site, orbit: str, body: Any) -> None:
    """Section 6: a list of what is wrong, each with its place."""
    answer = site.owner("POST", f"{orbit}/collections", body)

    assert answer.status_code == 422
    assert all(set(each) == {"loc", "msg", "type"} for each in answer.json()["detail"])
    assert "NewPlainCollection" not in answer.text
    assert names(site.owner("GET", f"{orbit}/collections")) == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "ten"},
        {"order": "down"},
        {"sort_by": "size"},
    ],
    ids=str,
)
def test_a_listing_that_cannot_be_is_a_422(site: Site, orbit: str, query: Any) -> None:
    """Section 5."""
    assert site.owner("GET", f"{orbit}/collections", query=query).status_code == 422


@pytest.mark.parametrize("query", [{"limit": ""}, {"cursor": ""}, {"sort_by": ""}], ids=str)
def test_what_is_empty_in_a_query_is_as_absent(site: Site, orbit: str, query: Any) -> None:
    """Clients send None so."""
    assert site.owner("GET", f"{orbit}/collections", query=query).status_code == 200


def test_ids_that_are_none_are_a_422(site: Site, orbit: str) -> None:
    """A client without an orbit writes `None` into the path (section 2)."""
    for path in (f"{site.orbits}/None/collections", "/organizations/None/orbits"):
        assert site.owner("GET", path).status_code == 422
    assert site.owner("GET", f"{orbit}/collections/None").status_code == 422
    assert site.owner("GET", f"{orbit}/collections/tags").status_code == 200


def test_what_there_is_not_is_said_to_be_so(site: Site, orbit: str) -> None:
    """Section 9: models and their storage are not kept here."""
    made = create(site.owner, orbit)
    collection = f"{orbit}/collections/{made['id']}"

    for path in (
        f"{collection}/model_artifacts",
        f"{collection}/model_artifacts/{uuid4()}/download-url",
        f"/organizations/{site.organization}/bucket-secrets",
        f"/v1{collection}/artifacts",
    ):
        answer = site.owner("GET", path)
        assert (answer.status_code, type(answer.json()["detail"])) == (501, str)
    unknown = site.owner("GET", f"{collection}/unheard-of")
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})
    wrong = site.owner("PUT", collection, {})
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, PATCH, DELETE, OPTIONS")


@PREFIXES
def test_tags_of_an_orbit(site: Site, orbit: str, prefix: str) -> None:
    """Section 3: each once, sorted."""
    create(site.owner, orbit, tags=["ml", "b"])
    create(site.owner, orbit, tags=["a", "ml"])
    create(site.owner, orbit)

    assert site.client("member", prefix=prefix)("GET", f"{orbit}/collections/tags").json() == [
        "a",
        "b",
        "ml",
    ]
