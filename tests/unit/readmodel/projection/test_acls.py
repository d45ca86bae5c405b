"""Which ACEs a batch adds to the index: those that no object of the list has had before."""

from typing import Final

from muniment.domain.addresses import bucket, collection, record
from muniment.readmodel.projection.acls import WrittenAcls
from muniment.readmodel.projection.fold import fold
from tests.support.story import Step, Story

BEGINNING: Final[list[Step]] = [
    ("write", bucket("atlas")),
    ("write", collection("atlas", "stations")),
    ("write", collection("atlas", "trips")),
]


def test_each_list_has_aces_of_its_own() -> None:
    """One row for each, however many objects have them."""
    changes = fold(Story().play(BEGINNING).entries).changes

    lacking = WrittenAcls().lacking(changes)

    assert [(acl.kind, acl.permissions) for acl in lacking] == [
        ("bucket", b'{"write":["account:nadia"]}'),
        ("collection", b'{"write":["account:nadia"]}'),
    ]


def test_what_is_written_is_not_written_again() -> None:
    """So most batches cost nothing; after a loss of the connection nothing is taken for granted."""
    changes = fold(Story().play(BEGINNING).entries).changes
    acls = WrittenAcls()
    lacking = acls.lacking(changes)

    acls.remember(lacking)
    assert not acls.lacking(changes)
    acls.clear()
    assert acls.lacking(changes) == lacking


def test_tombstones_name_nobody() -> None:
    """PERM-10, PERM-11."""
    story = Story().play([*BEGINNING, ("write", record("atlas", "trips", "one"))])
    told = len(story.entries)
    story.delete(record("atlas", "trips", "one"))

    assert not WrittenAcls().lacking(fold(story.entries[told:]).changes)
