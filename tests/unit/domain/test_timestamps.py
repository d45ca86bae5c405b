"""`last_modified`: strictly increasing, and only partly in the client's hand (contract 9.2)."""

import pytest

from muniment.domain.addresses import Kind
from muniment.domain.commands import Command
from muniment.domain.decisions import Decision, LookUp
from muniment.domain.refusals import Invalid, ObjectModified, TimestampTaken
from muniment.domain.states import ABSENT, State
from muniment.domain.timelines import LAST_DATE, Timeline
from muniment.domain.values import JsonValue, Timestamp
from tests.support.deciding import (
    BUCKET,
    COLLECTION,
    EARLIER,
    LIST_AT,
    NOW,
    ask,
    changed,
    decided,
    present,
    scene,
    tombstone,
)

MISSING = pytest.mark.parametrize(
    "missing", [pytest.param(ABSENT, id="never-was"), pytest.param(tombstone(), id="deleted")]
)
CREATION = pytest.mark.parametrize("method", ["put", "create"])
CHANGE = pytest.mark.parametrize("method", ["put", "patch", "merge"])

PAST = EARLIER - 10_000
FUTURE = NOW + 3_600_000


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(NOW, NOW, id="the-clock-is-ahead"),
        pytest.param(LIST_AT, LIST_AT + 1, id="the-same-millisecond"),
        pytest.param(LIST_AT - 5_000, LIST_AT + 1, id="the-clock-stepped-back"),
    ],
)
@pytest.mark.parametrize(
    ("target", "command"),
    [
        pytest.param(ABSENT, ask().create({}), id="create"),
        pytest.param(ABSENT, ask().put({}), id="put-creates"),
        pytest.param(tombstone(), ask().put({}), id="put-over-a-tombstone"),
        pytest.param(present(), ask().put({}), id="put"),
        pytest.param(present(), ask().patch({}), id="patch"),
        pytest.param(present(), ask().merge({}), id="merge"),
        pytest.param(present(), ask().json_patch(), id="json-patch"),
        pytest.param(present(), ask().delete(), id="delete"),
    ],
)
def test_a_change_without_a_wish_is_later_than_all_in_its_list(
    target: State, command: Command, now: int, expected: int
) -> None:
    """TS-2: also within one millisecond, and when the clock steps back."""
    event = changed(scene(target), command, now=now)

    assert event.last_modified == expected
    assert event.after.data["last_modified"] == expected


def test_the_stream_has_a_clock_of_its_own() -> None:
    """It orders all changes of a bucket, whatever timestamps clients give."""
    event = changed(scene(stream_at=NOW + 9, taken=()), ask().create({"last_modified": PAST}))

    assert (event.last_modified, event.stream_at) == (PAST, NOW + 10)


def test_a_list_timestamp_never_goes_back() -> None:
    """TS-3."""
    timeline = Timeline(at=LIST_AT)

    assert timeline.after(Timestamp(LIST_AT - 1)) == timeline
    assert timeline.after(Timestamp(LIST_AT + 1)).at == LIST_AT + 1


@CREATION
@MISSING
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(FUTURE, FUTURE, id="ahead-of-the-list"),
        pytest.param(LIST_AT, NOW, id="equal-to-the-list"),
        pytest.param(PAST, PAST, id="in-the-past"),
        pytest.param(0, 0, id="at-the-epoch"),
    ],
)
def test_a_creation_keeps_the_timestamp_given(
    method: str, missing: State, wanted: int, expected: int
) -> None:
    """TS-5: an object may be stored in the past; what equals the list is replaced (D-10)."""
    command = getattr(ask(), method)({"last_modified": wanted})

    event = changed(scene(missing, taken=()), command)

    assert event.last_modified == expected


@CHANGE
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(FUTURE, FUTURE, id="ahead-of-the-list"),
        pytest.param(EARLIER + 1, EARLIER + 1, id="after-its-own-before-the-list"),
        pytest.param(EARLIER, NOW, id="its-own"),
        pytest.param(PAST, NOW, id="before-its-own"),
    ],
)
def test_a_change_takes_a_timestamp_that_moves_the_object_on(
    method: str, wanted: int, expected: int
) -> None:
    """TS-6: compared with the object's own value, not with the list."""
    command = getattr(ask(), method)({"last_modified": wanted})

    assert changed(scene(present(), taken=()), command).last_modified == expected


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param("1767000000000", id="text"),
        pytest.param(float(FUTURE), id="float"),
        pytest.param(None, id="null"),
        pytest.param(True, id="true"),
        pytest.param(-5, id="negative"),
        pytest.param([FUTURE], id="list"),
    ],
)
@pytest.mark.parametrize(
    ("target", "method"),
    [
        pytest.param(ABSENT, "create", id="create"),
        pytest.param(present(), "put", id="put"),
        pytest.param(present(), "patch", id="patch"),
    ],
)
def test_what_is_no_date_is_no_wish(target: State, method: str, wanted: JsonValue) -> None:
    """TS-7, D-11: dropped without a word."""
    event = changed(scene(target), getattr(ask(), method)({"last_modified": wanted}))

    assert event.last_modified == NOW


@pytest.mark.parametrize(
    ("target", "method", "name"),
    [
        pytest.param(ABSENT, "create", "data.last_modified", id="create"),
        pytest.param(present(), "put", "data.last_modified", id="put"),
        pytest.param(present(), "patch", "last_modified", id="patch"),
    ],
)
def test_a_timestamp_beyond_all_dates_is_refused(target: State, method: str, name: str) -> None:
    """TS-7: no HTTP date can say it."""
    command = getattr(ask(), method)({"last_modified": LAST_DATE + 1})

    decision = decided(scene(target), command)

    assert isinstance(decision, Invalid)
    assert [fault.name for fault in decision.faults] == [name]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(ask().put(None), id="put"),
        pytest.param(ask().patch({"a": 1}), id="patch"),
        pytest.param(ask().merge({"a": 1}), id="merge"),
        pytest.param(ask().json_patch(), id="json-patch"),
        pytest.param(ask().patch({"last_modified": LAST_DATE + 1}), id="its-own"),
    ],
)
def test_a_list_that_ran_past_all_dates_can_still_be_written(command: Command) -> None:
    """TS-5, TS-7: one client may ask for the last date; what comes after is nobody's wish."""
    beyond = LAST_DATE + 1
    target = present(at=beyond, last_modified=beyond)

    event = changed(scene(target, list_at=beyond), command)

    assert event.last_modified == beyond + 1


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        pytest.param(None, LookUp(Timestamp(PAST)), id="nobody-looked"),
        pytest.param([PAST], TimestampTaken(Timestamp(PAST)), id="another-has-it"),
    ],
)
def test_a_timestamp_that_another_object_has_is_refused(
    taken: list[int] | None, expected: Decision
) -> None:
    """D-12: the order within a list stays total, so it must be known who has it."""
    command = ask().create({"last_modified": PAST})

    assert decided(scene(taken=taken), command) == expected


@pytest.mark.parametrize("kind", [Kind.BUCKET, Kind.COLLECTION])
def test_what_comes_before_the_timestamp_needs_no_look(kind: Kind) -> None:
    """A refusal that is certain does not wait for the read model."""
    address = {Kind.BUCKET: BUCKET, Kind.COLLECTION: COLLECTION}[kind]
    command = ask(address=address, if_match="*").put({"last_modified": PAST})

    assert isinstance(decided(scene(kind=kind), command), ObjectModified)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(FUTURE, FUTURE, id="ahead-of-the-list"),
        pytest.param(EARLIER + 1, EARLIER + 1, id="after-its-own"),
        pytest.param(EARLIER, NOW, id="its-own"),
        pytest.param(PAST, NOW, id="before-its-own"),
        pytest.param(None, NOW, id="none"),
    ],
)
def test_a_deletion_takes_a_timestamp_that_moves_the_object_on(
    wanted: int | None, expected: int
) -> None:
    """TS-9."""
    event = changed(scene(present(), taken=()), ask().delete(wanted))

    assert event.after.data == {"id": "st-042", "last_modified": expected, "deleted": True}


def test_a_collection_made_again_starts_after_its_last_life() -> None:
    """TS-12, D-13: a client that asks for changes since then misses nothing."""
    before = tombstone(records_until=FUTURE)

    event = changed(scene(before, kind=Kind.COLLECTION), ask(address=COLLECTION).put({}))

    assert event.records_from == FUTURE + 1


def test_a_deleted_collection_keeps_the_timestamp_of_its_records() -> None:
    """So that the next life can start after it."""
    target = present(COLLECTION)

    event = changed(
        scene(target, kind=Kind.COLLECTION, list_at=FUTURE), ask(address=COLLECTION).delete()
    )

    assert event.records_from == FUTURE
