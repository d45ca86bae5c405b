"""The demo's comparisons find what they are there to find."""

from typing import Any

import pytest

from muniment.demo.comparing import (
    answers_as_sent,
    events_of_writes,
    notifications_of_writes,
    order_of_events,
    read_back,
)
from muniment.demo.data_set import Table
from muniment.demo.topic import TopicEvent

BUCKET = "/buckets/demo"
COLLECTION = f"{BUCKET}/collections/letters"
TABLE = Table(
    id="letters", schema={}, records=({"id": "b", "name": "Beta"}, {"id": "a", "name": "Alpha"})
)


def answered() -> dict[str, dict[str, Any]]:
    """What a server says that does as it should."""
    return {
        BUCKET: {"id": "demo", "last_modified": 1},
        COLLECTION: {"id": "letters", "last_modified": 2},
        f"{COLLECTION}/records/b": {"id": "b", "last_modified": 3, "schema": 2, "name": "Beta"},
        f"{COLLECTION}/records/a": {"id": "a", "last_modified": 4, "schema": 2, "name": "Alpha"},
    }


def events() -> list[TopicEvent]:
    return [
        TopicEvent(
            id=f"event-{number}",
            type="muniment.record.created",
            subject=uri,
            partition=1,
            value={"data": data, "last_modified": data["last_modified"], "stream_at": number},
        )
        for number, (uri, data) in enumerate(answered().items())
    ]


def messages() -> list[dict[str, Any]]:
    return [
        {"data": {"uri": uri, "data": data}} for uri, data in answered().items() if uri != BUCKET
    ]


def test_nothing_is_found_where_all_is_right() -> None:
    """Otherwise the demo would never end well."""
    records = [answered()[f"{COLLECTION}/records/{id_}"] for id_ in "ab"]

    checks = [
        answers_as_sent([TABLE], answered(), "demo"),
        read_back(TABLE, answered(), records, "demo"),
        events_of_writes(answered(), events()),
        order_of_events(events()),
        notifications_of_writes(answered(), messages()),
    ]

    assert [check.example for check in checks] == [""] * 5
    assert [(check.due, check.right) for check in checks] == [
        (2, 2),
        (2, 2),
        (4, 4),
        (4, 4),
        (3, 3),
    ]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "Gamma"}, id="another-value"),
        pytest.param({"more": 1}, id="a-field-more"),
        pytest.param({"schema": 1}, id="another-version-of-the-schema"),
        pytest.param({"last_modified": None}, id="no-revision"),
    ],
)
def test_answer_that_differs(change: dict[str, Any]) -> None:
    """A record that was stored otherwise than it was sent."""
    wrong = answered()
    wrong[f"{COLLECTION}/records/a"] |= change

    assert not answers_as_sent([TABLE], wrong, "demo").holds


@pytest.mark.parametrize("read", ["b a", "a", "a b b", ""])
def test_list_that_differs(read: str) -> None:
    """In another order, too short, too long, empty."""
    records = [answered()[f"{COLLECTION}/records/{id_}"] for id_ in read.split()]

    assert not read_back(TABLE, answered(), records, "demo").holds


@pytest.mark.parametrize("places", [(0, 1, 2), (0, 1, 2, 3, 3)], ids=["missing", "twice"])
def test_events_that_are_not_one_for_each_write(places: tuple[int, ...]) -> None:
    """One for each write is neither none nor two."""
    found = [events()[place] for place in places]

    assert not events_of_writes(answered(), found).holds


def test_events_of_nothing_that_was_written() -> None:
    """An event that no write caused, in place of one that a write did."""
    unwritten = answered()
    del unwritten[COLLECTION]

    assert not events_of_writes(unwritten, events()).holds


def test_events_out_of_order() -> None:
    """Revisions only grow."""
    first, second, third, fourth = events()

    assert not order_of_events([first, second, fourth, third]).holds


def test_events_that_share_an_id() -> None:
    """A consumer tells repeats by it."""
    first, second, *_ = events()

    assert not order_of_events([first, second, second]).holds


@pytest.mark.parametrize("places", [(0, 1), (0, 1, 2, 2)], ids=["missing", "twice"])
def test_notifications_that_are_not_one_for_each_write(places: tuple[int, ...]) -> None:
    """Each write is told once: repeats are known by their ids before."""
    told = [messages()[place] for place in places]

    assert not notifications_of_writes(answered(), told).holds


def test_notifications_with_other_data() -> None:
    """What is told is what was answered."""
    first, *others = messages()
    first["data"]["data"] = {}

    assert not notifications_of_writes(answered(), [first, *others]).holds
