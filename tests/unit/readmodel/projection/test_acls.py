"""Which ACEs a batch adds to the indexes: those that no object of the list has had before."""

from dataclasses import replace
from typing import Final

from muniment.domain.addresses import Address, bucket, collection, record
from muniment.domain.events import ObjectChanged, Snapshot
from muniment.domain.values import Principal
from muniment.readmodel.projection.acls import WrittenAcls, left_by_buckets
from muniment.readmodel.projection.fold import Change, fold
from tests.support.story import Step, Story

ATLAS: Final = bucket("atlas")
STATIONS: Final = collection("atlas", "stations")

BEGINNING: Final[list[Step]] = [("write", ATLAS), ("write", STATIONS)]


def changes(*addresses: Address) -> list[Change]:
    """Each of them written, all by one writer alone."""
    story = Story().play([("write", address) for address in addresses])
    return [as_of_one_writer(change) for change in fold(story.entries).changes]


def as_of_one_writer(change: Change) -> Change:
    permissions = {"write": frozenset({Principal("account:nadia")})}
    event = change.event
    after = Snapshot(data=event.after.data, permissions=permissions)
    return change._replace(event=replace(event, after=after))


def test_each_list_has_aces_of_its_own() -> None:
    """One row for each list and place, however many objects have them."""
    one, two = record("atlas", "stations", "one"), record("atlas", "stations", "two")

    lacking = WrittenAcls().lacking(changes(ATLAS, STATIONS, one, two, one))

    assert [(acl.kind, acl.permissions) for acl in lacking] == [
        ("bucket", b'{"write":["account:nadia"]}'),
        ("collection", b'{"write":["account:nadia"]}'),
        ("record", b'{"write":["account:nadia"]}'),
    ]


def test_what_is_written_is_not_written_again() -> None:
    """So most batches cost nothing; after a loss of the connection nothing is taken for granted."""
    told = changes(ATLAS, STATIONS)
    acls = WrittenAcls()
    lacking = acls.lacking(told)

    acls.remember(lacking)
    assert not acls.lacking(told)
    acls.forget([next(iter(lacking))])
    assert list(acls.lacking(told)) == [next(iter(lacking))]
    acls.clear()
    assert acls.lacking(told) == lacking


def test_tombstones_name_nobody() -> None:
    """PERM-10, PERM-11; HIS-8: the entry is there for who reads the collection."""
    story = Story().play([*BEGINNING, ("write", record("atlas", "stations", "one"))])
    told = len(story.entries)
    story.delete(record("atlas", "stations", "one"))

    lacking = WrittenAcls().lacking(fold(story.entries[told:]).changes)

    assert [acl.permissions for acl in lacking] == [b"{}"]


def test_a_bucket_that_is_gone_leaves_its_aces_and_nothing_else() -> None:
    """BKT-3: with the bucket goes its history."""
    story = Story().play(BEGINNING)
    told = len(story.entries)
    story.delete(STATIONS)
    story.delete(ATLAS)
    gone = [change for change in fold(story.entries[told:]).changes if is_of_bucket(change.event)]

    assert not WrittenAcls().lacking(gone)
    assert [acl.permissions for acl in left_by_buckets(gone)] == [b'{"write":["account:nadia"]}']


def test_a_bucket_that_keeps_its_aces_leaves_none() -> None:
    story = Story().play(BEGINNING)
    told = len(story.entries)
    story.write(ATLAS, title="Coast")

    assert not left_by_buckets(fold(story.entries[told:]).changes)


def is_of_bucket(event: ObjectChanged) -> bool:
    return event.address == ATLAS
