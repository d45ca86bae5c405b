"""Every refusal has its answer."""

import pytest

from muniment.domain.addresses import CollectionId, record
from muniment.domain.commands import ANONYMOUS, Requester
from muniment.domain.refusals import (
    CollectionMissing,
    Fault,
    Invalid,
    NotAllowed,
    ObjectMissing,
    ObjectModified,
    Refusal,
    TimestampTaken,
)
from muniment.domain.values import JsonValue, Timestamp
from muniment.web.errors import (
    FAULTS_TOLD_MAX,
    Errors,
    error,
    invalid,
    method_not_allowed,
    too_large,
    unknown_path,
    unknown_version,
)
from muniment.web.http import Response
from tests.unit.web.building import NADIA, details_of, json_of

ERRORS = Errors(
    challenge='Basic realm="Realm"', retry_after_s=3, info_url="https://docs.example.org"
)


def fault(name: str | int | None, description: str = "Required", location: str = "body") -> Fault:
    return Fault(location=location, name=name, description=description)


@pytest.mark.parametrize(
    ("refusal", "requester", "status", "errno"),
    [
        (NotAllowed(), ANONYMOUS, 401, 104),
        (NotAllowed(), NADIA, 403, 121),
        (Invalid((fault("data"),)), NADIA, 400, 107),
        (ObjectMissing(record("atlas", "stations", "st-9")), NADIA, 404, 110),
        (CollectionMissing(CollectionId("none")), NADIA, 404, 111),
        (ObjectModified(current=Timestamp(1), existing=None), NADIA, 412, 114),
        (TimestampTaken(Timestamp(1)), NADIA, 409, 122),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_has_its_status_and_errno(
    refusal: Refusal, requester: Requester, status: int, errno: int
) -> None:
    """ERR-1 and table 5.2."""
    body = json_of(ERRORS.refuse(refusal, requester))

    assert (body["code"], body["errno"]) == (status, errno)


@pytest.mark.parametrize(
    ("response", "status", "errno", "title", "message"),
    [
        (ERRORS.internal(), 500, 999, "Internal Server Error", "A programmatic error occurred"),
        (ERRORS.unavailable(), 503, 201, "Service Unavailable", "Service temporary unavailable"),
        (too_large(10), 413, 113, "Request Entity Too Large", "limited to 10 bytes"),
        (unknown_path(), 404, 111, "Not Found", "The resource you are looking for"),
        (unknown_version(), 404, 116, "Not Found", "The requested API version"),
        (method_not_allowed("GET"), 405, 115, "Method Not Allowed", "Method not allowed"),
    ],
)
def test_an_error_has_the_words_of_the_table(
    response: Response, status: int, errno: int, title: str, message: str
) -> None:
    """ERR-1, ERR-5, table 5.2."""
    body = json_of(response)

    assert (response.status, body["errno"], body["error"]) == (status, errno, title)
    assert message in body["message"]


def test_what_there_is_nothing_to_say_about_is_left_out() -> None:
    """ERR-1."""
    assert json_of(error(404, 110, details={})) == {"code": 404, "errno": 110, "error": "Not Found"}


def test_an_anonymous_requester_is_told_how_to_authenticate() -> None:
    """AUTH-7."""
    response = ERRORS.refuse(NotAllowed(), ANONYMOUS)

    assert response.headers["WWW-Authenticate"] == 'Basic realm="Realm"'


@pytest.mark.parametrize("response", [ERRORS.unavailable(), ERRORS.conflict()], ids=["503", "409"])
def test_what_may_be_repeated_says_when(response: Response) -> None:
    """SIG-2."""
    assert response.headers["Retry-After"] == "3"


def test_an_internal_error_is_not_to_be_repeated_and_links_to_help() -> None:
    """SIG-2 and ERR-5."""
    response = ERRORS.internal()

    assert "Retry-After" not in response.headers
    assert json_of(response)["info"] == "https://docs.example.org"


def test_all_faults_are_told_sorted_by_name_as_text() -> None:
    """ERR-2 and ERR-3: names may be text, null or numbers."""
    response = invalid([fault("b"), fault(None), fault(10), fault("a")])

    assert [detail["name"] for detail in details_of(response)] == [10, None, "a", "b"]
    assert json_of(response)["error"] == "Invalid parameters"


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (fault("data"), "data in body: Required"),
        (fault("title", "'title' is a required property"), "'title' is a required property"),
        (fault("", "Invalid JSON: x"), "Invalid JSON: x"),
        (fault(None, "Invalid object id", "path"), "path: Invalid object id"),
        (fault(0, "1 is not a string"), "0 in body: 1 is not a string"),
    ],
)
def test_the_message_is_made_from_the_first_fault(first: Fault, message: str) -> None:
    """ERR-4."""
    assert json_of(invalid([first]))["message"] == message


def test_a_flood_of_faults_is_cut() -> None:
    response = invalid(fault(str(number)) for number in range(10_000))

    assert len(details_of(response)) == FAULTS_TOLD_MAX


def test_a_missing_object_is_named() -> None:
    """Table 5.2: no message, but the id and the kind."""
    body = json_of(ERRORS.refuse(ObjectMissing(record("atlas", "stations", "st-9")), NADIA))

    assert body["details"] == {"id": "st-9", "resource_name": "record"}
    assert "message" not in body


def test_a_missing_collection_is_named() -> None:
    """ERR-16 and REC-1."""
    body = json_of(ERRORS.refuse(CollectionMissing(CollectionId("none")), NADIA))

    assert body["details"] == {"id": "none", "resource_name": "collection"}
    assert "message" not in body


def test_a_failed_precondition_shows_what_is_there() -> None:
    """PRE-1."""
    existing: dict[str, JsonValue] = {"id": "st-1", "last_modified": 1767000123456}
    refusal = ObjectModified(current=Timestamp(1767000123456), existing=existing)

    response = ERRORS.refuse(refusal, NADIA)

    assert details_of(response) == {"existing": existing}
    assert response.headers == {
        "ETag": '"1767000123456"',
        "Last-Modified": "Mon, 29 Dec 2025 09:22:03 GMT",
    }


def test_a_failed_precondition_without_an_object_has_no_details() -> None:
    """PRE-1, row C."""
    body = json_of(ERRORS.refuse(ObjectModified(current=Timestamp(1), existing=None), NADIA))

    assert "details" not in body
    assert body["message"] == "Resource was modified meanwhile"
