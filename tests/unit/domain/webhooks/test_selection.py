"""Which events a webhook wants."""

import pytest

from muniment.domain import addresses
from muniment.domain.addresses import Address
from muniment.domain.events import Action
from muniment.domain.webhooks.filters import StateFilter, parse_filter
from muniment.domain.webhooks.selection import EVENT_TYPES, Selection, matches_glob, types_matching
from tests.unit.webhooks.building import changed

RECORD = addresses.record("atlas", "tides", "st-042")
COLLECTION = addresses.collection("atlas", "tides")
GROUP = addresses.group("atlas", "editors")


def filter_of(text: str) -> StateFilter:
    found = parse_filter(text)
    assert isinstance(found, StateFilter), found
    return found


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        (["record.created"], {"record.created"}),
        (["group.*"], {"group.created", "group.updated", "group.deleted"}),
        (["webhook.failing", "webhook.disabled"], {"webhook.failing", "webhook.disabled"}),
        (["*"], set(EVENT_TYPES)),
        (["record.create"], set[str]()),
        (["recor*"], set[str]()),
        ([".*"], set[str]()),
    ],
    ids=str,
)
def test_patterns_stand_for_types(patterns: list[str], wanted: set[str]) -> None:
    assert types_matching(patterns) == wanted


@pytest.mark.parametrize(
    ("address", "action", "is_wanted"),
    [
        (RECORD, Action.CREATED, True),
        (RECORD, Action.DELETED, False),
        (COLLECTION, Action.CREATED, False),
    ],
    ids=str,
)
def test_an_event_is_wanted_by_its_type(address: Address, action: Action, is_wanted: bool) -> None:
    selection = Selection(types=frozenset({"record.created", "record.updated"}))

    assert selection.wants(changed(address, action)) is is_wanted


@pytest.mark.parametrize(
    ("collections", "records", "is_wanted"),
    [
        (("tides",), None, True),
        (("ports", "t*"), None, True),
        (("ports",), None, False),
        (None, ("st-*",), True),
        (None, ("xx-*",), False),
        (("tides",), ("xx-*",), False),
    ],
)
def test_a_records_event_is_wanted_by_both_ids(
    collections: tuple[str, ...] | None, records: tuple[str, ...] | None, is_wanted: bool
) -> None:
    everything = types_matching("*")
    selection = Selection(types=everything, collections=collections, records=records)

    assert selection.wants(changed(RECORD)) is is_wanted


def test_ids_narrow_only_the_events_that_have_them() -> None:
    everything = types_matching("*")
    selection = Selection(types=everything, collections=("tides",), records=("none",))

    assert selection.wants(changed(COLLECTION))
    assert selection.wants(changed(GROUP))
    assert not selection.wants(changed(addresses.collection("atlas", "ports")))


@pytest.mark.parametrize(
    ("text", "glob", "is_match"),
    [
        ("tides", "tides", True),
        ("tides", "tide", False),
        ("tides", "*", True),
        ("", "*", True),
        ("tides", "t*s", True),
        ("tides", "t*e", False),
        ("tides", "?ides", True),
        ("tides", "?tides", False),
        ("abab", "*ab", True),
        ("ababx", "a*b*x", True),
        ("a-b-c", "a*b?c", True),
        ("a.b", "a?b", True),
        ("aab", "*a*ab", True),
        ("ab", "*a*ab", False),
        ("Tides", "tides", False),
        ("a" * 500, "*a" * 60 + "*b", False),
    ],
)
def test_globs(text: str, glob: str, is_match: bool) -> None:
    assert matches_glob(text, glob) is is_match


@pytest.mark.parametrize(
    ("status", "is_wanted"), [("paid", True), ("pending", False)], ids=["paid", "pending"]
)
def test_an_objects_event_is_wanted_by_its_state(status: str, *, is_wanted: bool) -> None:
    selection = Selection(types=types_matching("*"), filter=filter_of("status=paid"))

    assert selection.wants(changed(RECORD, status=status)) is is_wanted
