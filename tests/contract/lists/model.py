"""Contract section 10 on objects in memory: what SQL must agree with.

The filters are those that choose events for webhooks.
"""

from collections.abc import Sequence
from functools import partial

from muniment.domain.queries.predicates import Key, field, order_key, predicate
from muniment.domain.queries.selection import Selection, Sort
from muniment.domain.values import JsonObject


def expected(objects: Sequence[JsonObject], selection: Selection) -> Sequence[JsonObject]:
    """All objects that match, in order, on one endless page."""
    found = [one for one in objects if all(predicate(each)(one) for each in selection.filters)]
    if not selection.shows_tombstones:
        found = [one for one in found if not is_tombstone(one)]
    for sort in reversed(selection.order):
        found.sort(key=partial(sort_key, sort=sort), reverse=sort.is_descending)
    return found


def is_tombstone(one: JsonObject) -> bool:
    return one.get("deleted") is True


def sort_key(one: JsonObject, sort: Sort) -> Key:
    return order_key(field(one, sort.path))
