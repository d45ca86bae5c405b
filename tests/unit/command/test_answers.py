"""What clients are told of a command's outcome (contract section 8)."""

from typing import Any

import orjson
import pytest

from muniment.command.answers import Answers
from muniment.command.waiting import Answer, Deleted, Outcome
from muniment.domain.commands import Command, DeleteMany
from muniment.domain.decisions import Unchanged
from muniment.domain.events import Cause, ObjectChanged
from muniment.domain.refusals import INVALID_ID, Invalid, NotAllowed, ObjectModified, TimestampTaken
from muniment.domain.states import ABSENT, State
from muniment.domain.values import Timestamp
from muniment.log.protocol import Offset, Partition, Position
from muniment.web.errors import Errors
from muniment.web.http import Request, Response, headers_of
from tests.support.deciding import (
    BUCKET,
    EARLIER,
    NADIA,
    NOW,
    OMAR,
    RECORD,
    acl,
    ask,
    changed,
    present,
    scene,
)

POSITION = Position(Partition(3), Offset(17))
SHARED = present(permissions=acl(read="account:omar", write="account:nadia"), a=1, b=2)
CONTENT = {"id": "st-042", "last_modified": NOW}
MANY = DeleteMany(
    kind=RECORD.kind,
    bucket_id=BUCKET.bucket_id,
    collection_id=RECORD.collection_id,
    requester=NADIA,
    cause=Cause(actor=None, request_id="r"),
)


def told(
    outcome: Outcome,
    order: Command | DeleteMany,
    *,
    query: str = "",
    is_projected: bool = True,
) -> Response:
    request = Request(
        method="DELETE",
        raw_path="/v1/buckets/atlas/collections/stations/records",
        raw_query=query,
        headers=headers_of({}),
        base_url="https://data.example.org",
        id="r",
    )
    answer = Answer(outcome=outcome, order=order, position=POSITION, is_projected=is_projected)
    return Answers(Errors()).tell(request, order, answer)


def done(command: Command, target: State) -> Response:
    """The answer to what the command causes."""
    return told(changed(scene(target), command), command)


def body(response: Response) -> Any:
    assert response.body is not None
    return orjson.loads(response.body)


@pytest.mark.parametrize(
    ("command", "target", "status"),
    [
        pytest.param(ask().create({}), ABSENT, 201, id="POST-1"),
        pytest.param(ask().put({}), ABSENT, 201, id="PUT-1-created"),
        pytest.param(ask().put({}), SHARED, 200, id="PUT-1-replaced"),
        pytest.param(ask().patch({}), SHARED, 200, id="PAT-1"),
        pytest.param(ask().delete(), SHARED, 200, id="DEL-1"),
    ],
)
def test_a_change_is_told_with_the_objects_revision(
    command: Command, target: State, status: int
) -> None:
    """ETag and Last-Modified are the object's, not the list's."""
    response = done(command, target)

    assert response.status == status
    assert response.headers["ETag"] == f'"{NOW}"'
    assert response.headers["Last-Modified"] == "Mon, 29 Dec 2025 09:21:40 GMT"
    assert body(response)["data"]["last_modified"] == NOW


def test_the_answer_names_the_position_it_rests_on() -> None:
    assert done(ask().put({}), ABSENT).headers["Muniment-Position"] == "3:17"


@pytest.mark.parametrize(
    ("is_projected", "expected"), [pytest.param(True, None), pytest.param(False, "pending")]
)
def test_an_answer_before_the_projection_says_so(is_projected: bool, expected: str | None) -> None:
    """A client that reads at once knows that it may see the old state."""
    command = ask().put({})

    response = told(changed(scene(), command), command, is_projected=is_projected)

    assert response.headers.get("Muniment-Projection") == expected


def test_permissions_are_shown_to_a_writer() -> None:
    """PERM-19."""
    assert body(done(ask().put({}), SHARED))["permissions"] == {
        "read": ["account:omar"],
        "write": ["account:nadia"],
    }


def test_who_only_reads_gets_an_empty_object_of_permissions() -> None:
    """PERM-19: an existing object answers to a POST of its id."""
    response = told(Unchanged(SHARED), ask(by=OMAR).create({}))

    assert (response.status, body(response)["permissions"]) == (200, {})
    assert body(response)["data"] == SHARED.data
    assert response.headers["ETag"] == f'"{EARLIER}"'


def test_a_deletion_is_told_without_permissions() -> None:
    """DEL-1, PERM-20."""
    assert body(done(ask().delete(), SHARED)) == {"data": {**CONTENT, "deleted": True}}


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        pytest.param("light", {"b": 3, "c": 4}, id="light"),
        pytest.param("diff", {"last_modified": NOW}, id="diff"),
    ],
)
@pytest.mark.parametrize("method", ["patch", "merge"])
def test_a_short_answer_to_a_patch(method: str, behavior: str, expected: dict[str, int]) -> None:
    """PAT-8, PAT-9."""
    given = {"a": 1, "b": 3, "c": 4}
    if behavior == "diff":
        given["last_modified"] = 5
    command = getattr(ask(), method)(given)
    object.__setattr__(command, "behavior", behavior)

    assert body(done(command, SHARED)) == {"data": expected}


def deleted(*ids: str, next_token: str | None = None) -> Deleted:
    events: list[ObjectChanged] = [
        changed(scene(SHARED), ask().delete(), now=NOW + number) for number, _ in enumerate(ids)
    ]
    at = events[-1].last_modified if events else EARLIER
    return Deleted(
        events=events,
        tombstones=[event.after.data for event in events],
        list_at=Timestamp(at),
        next_token=next_token,
    )


def test_a_bulk_deletion_is_told_by_its_tombstones() -> None:
    """DELL-1, DELL-3: the ETag is the greatest of them."""
    response = told(deleted("one", "two"), MANY)

    assert [each["last_modified"] for each in body(response)["data"]] == [NOW, NOW + 1]
    assert response.headers["ETag"] == f'"{NOW + 1}"'
    assert "Next-Page" not in response.headers


def test_a_bulk_deletion_of_nothing_tells_the_list_timestamp() -> None:
    """DELL-6."""
    response = told(deleted(), MANY)

    assert (body(response), response.headers["ETag"]) == ({"data": []}, f'"{EARLIER}"')


def test_the_next_page_keeps_the_query_and_has_the_new_token() -> None:
    """DELL-4."""
    response = told(deleted("one", next_token="new"), MANY, query="_limit=1&a=%C3%A4&_token=old")

    assert response.headers["Next-Page"] == (
        "https://data.example.org/v1/buckets/atlas/collections/stations/records"
        "?_limit=1&a=%C3%A4&_token=new"
    )


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        pytest.param(NotAllowed(), 403, id="forbidden"),
        pytest.param(Invalid((INVALID_ID,)), 400, id="invalid"),
        pytest.param(ObjectModified(current=EARLIER, existing=None), 412, id="modified"),
        pytest.param(TimestampTaken(NOW), 409, id="taken"),
    ],
)
def test_a_refusal_is_told_in_the_form_of_errors(outcome: Outcome, status: int) -> None:
    response = told(outcome, ask().put({}))

    assert response.status == status
    assert body(response)["code"] == status
    assert response.headers["Muniment-Position"] == "3:17"
