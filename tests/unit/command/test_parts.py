"""A group falls into runs that can be decided together."""

import pytest

from muniment.command.parts import parts
from muniment.command.waiting import Flush, Order, Waiting
from muniment.domain.commands import DeleteMany
from muniment.domain.events import Cause
from tests.support.deciding import BUCKET, COLLECTION, NADIA, RECORD, ask

CAUSE = Cause(actor=None, request_id="r")

ORDERS: dict[str, Order] = {
    "r": ask(address=RECORD).put({}),
    "c": ask(address=COLLECTION).delete(),
    "b": ask(address=BUCKET).patch({}),
    "D": DeleteMany(
        kind=RECORD.kind,
        bucket_id=BUCKET.bucket_id,
        collection_id=RECORD.collection_id,
        requester=NADIA,
        cause=CAUSE,
    ),
    "F": Flush(cause=CAUSE),
}


def waiting(letter: str) -> Waiting:
    """A capital stands alone: `R` is a record's order that looks up a timestamp, `B` a bucket's."""
    order = ORDERS.get(letter) or ORDERS[letter.lower()]
    return Waiting(order, stands_alone=letter in "RB")


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("rcr", "rcr", id="records-and-collections-together"),
        pytest.param("bb", "bb", id="buckets-together"),
        pytest.param("rbbr", "r bb r", id="buckets-apart-from-what-is-below"),
        pytest.param("rDr", "r D r", id="bulk-deletion-alone"),
        pytest.param("DD", "D D", id="each-bulk-deletion-alone"),
        pytest.param("rFb", "r F b", id="flush-alone"),
        pytest.param("rRrR", "r R r R", id="what-looks-up-alone"),
        pytest.param("bBb", "b B b", id="a-bucket-that-looks-up-alone"),
    ],
)
async def test_the_order_is_kept_and_each_part_is_of_one_sort(group: str, expected: str) -> None:
    in_order = [waiting(letter) for letter in group]
    waits = {id(each): letter for each, letter in zip(in_order, group, strict=True)}

    letters = ["".join(waits[id(each)] for each in part) for part in parts(in_order)]

    assert letters == expected.split()
