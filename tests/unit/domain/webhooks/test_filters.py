"""Filters on the state of what changed; that they mean what SQL means is tests/contract/lists."""

import pytest

from muniment.domain.values import JsonObject
from muniment.domain.webhooks.filters import StateFilter, parse_filter
from muniment.domain.webhooks.values import Wrong

PAID: JsonObject = {"id": "i-1", "last_modified": 20, "status": "paid", "amount": 7}
PENDING: JsonObject = {"id": "i-1", "last_modified": 10, "status": "pending", "amount": 7}
DELETED: JsonObject = {"id": "i-1", "last_modified": 30, "deleted": True}


def passes(text: str, after: JsonObject, before: JsonObject | None = None) -> bool:
    found = parse_filter(text)
    assert isinstance(found, StateFilter), found
    return found.passes(after, before)


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("status=paid", True),
        ("status=pending", False),
        ("status=paid&previous.status=pending&min_amount=5", True),
        ("status=paid&previous.status=paid", False),
        ("min_previous.amount=8", False),
        ("in_previous.status=new,pending", True),
        ("has_previous=true", True),
        ("has_previous=false", False),
        ("has_previous.status=true", True),
        ("not_previous.last_modified=10", False),
        ("previous.last_modified=10&last_modified=20", True),
        ("previous.id=i-1&id=i-1", True),
        ("like_status=AI", True),
        ("amount=NaN", False),
        ("not_amount=NaN", True),
        ("?status=p%61id", True),
        ("status=paid&status=paid", False),
    ],
)
def test_a_change_is_told_when_both_states_are_as_asked(text: str, *, is_told: bool) -> None:
    assert passes(text, PAID, PENDING) is is_told


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("has_previous=false", True),
        ("previous.status=pending", False),
        ("not_previous.status=pending", True),
        ("has_previous.status=false", True),
        ("previous.id=i-1", False),
        ("gt_previous.amount=5", True),
    ],
)
def test_of_a_new_object_all_that_was_before_is_missing(text: str, *, is_told: bool) -> None:
    """And what is missing counts as in lists: it equals nothing, and is the greatest (10.2)."""
    assert passes(text, PAID) is is_told


def test_a_deletion_is_chosen_by_what_was_before() -> None:
    """QO-9: of the tombstone itself there is only that it is one."""
    assert passes("deleted=true&previous.status=paid", DELETED, PAID)
    assert not passes("status=paid", DELETED, PAID)


@pytest.mark.parametrize(
    "text",
    [
        "like_status=1",
        "_limit=5",
        "_since=5",
        "min_id=5",
        "last_modified=yesterday",
        "contains_previous.id=x",
        "previous=paid",
        "like_previous=paid",
        "has_previous=a%00",
        "a=%00",
        "a=%ff",
        "&".join(f"f{number}=1" for number in range(201)),
        "&".join(f"f{number}=1" for number in range(1_001)),
        f"{'a.' * 64}a=1",
    ],
    ids=lambda text: str(text)[:24],
)
def test_what_no_list_would_take_is_wrong(text: str) -> None:
    found = parse_filter(text)

    assert isinstance(found, Wrong)
    assert found.description
