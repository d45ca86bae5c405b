"""The fold: what a batch writes, and that it does not matter how the log is cut into batches."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.addresses import Kind, bucket, collection, group, record
from muniment.domain.events import HistoryTrimmed, ObjectChanged
from muniment.log.protocol import Entry
from muniment.readmodel.projection.fold import ALL_BUCKETS, HISTORY, Batch, ListKey, fold
from tests.support.read_model import view_of_log
from tests.support.story import ADDRESSES, PARTITIONS, WRITER, Step, Story
from tests.support.tables import Tables

ATLAS: Final = bucket("atlas")
STATIONS: Final = collection("atlas", "stations")
ONE: Final = record("atlas", "stations", "one")

steps: Final = st.lists(
    st.tuples(
        # A flush among few steps would leave nothing to look at.
        st.sampled_from(["write"] * 8 + ["delete"] * 4 + ["trim", "trim", "flush", "claim"]),
        st.sampled_from(ADDRESSES),
    ),
    max_size=60,
)


def test_a_key_is_written_once_and_every_version_is_kept() -> None:
    """Postgres refuses a statement that upserts a key twice; the history wants both."""
    story = Story().play([("write", ATLAS), ("write", ATLAS), ("write", ATLAS)])

    batch = fold(story.entries)

    assert [change.is_last for change in batch.changes] == [False, False, True]


def test_a_change_knows_with_what_its_objects_life_began() -> None:
    """`created_at` is of the first event of a life, wherever the batch is cut."""
    again: Sequence[Step] = [("delete", ATLAS), ("write", ATLAS), ("write", ATLAS)]
    story = Story().play([("write", ATLAS), *again])

    whole, rest = fold(story.entries), fold(story.entries[-1:])

    last_life = _event(story.entries[-2])
    assert whole.changes[-1].created is last_life
    assert rest.changes[-1].created is None


def test_a_list_has_its_greatest_timestamp() -> None:
    """Clients may date a record back: then its list's timestamp stays."""
    story = Story().play([("write", ATLAS), ("write", STATIONS), ("write", ONE), ("write", ONE)])

    batch = fold([*story.entries[:-2], story.entries[-1], story.entries[-2]])

    later = _event(story.entries[-1])
    assert later.collection_uid is not None
    assert batch.timestamps[ListKey(later.collection_uid, Kind.RECORD)] == later.last_modified


def test_a_new_bucket_starts_its_lists() -> None:
    """A list that nobody has written to has a timestamp all the same (TS-4)."""
    story = Story().play([("write", ATLAS)])

    batch = fold(story.entries)

    created = _event(story.entries[-1])
    assert batch.timestamps == {
        ListKey(ALL_BUCKETS, Kind.BUCKET): created.last_modified,
        ListKey(created.bucket_uid, "history"): created.stream_at,
        ListKey(created.bucket_uid, Kind.COLLECTION): created.last_modified,
        ListKey(created.bucket_uid, Kind.GROUP): created.last_modified,
        ListKey(created.bucket_uid, Kind.WEBHOOK): created.last_modified,
    }


def test_a_bucket_that_ends_dooms_its_life() -> None:
    """All that lies below is keyed by the life: it is out of reach without being touched."""
    story = Story().play([("write", ATLAS), ("write", STATIONS), ("delete", ATLAS)])

    batch = fold(story.entries)

    assert batch.doomed == {_event(story.entries[-1]).bucket_uid: Kind.BUCKET}


def test_a_collection_that_ends_and_begins_again_has_two_lives() -> None:
    """The records of the first one must not come back with the second."""
    again: Sequence[Step] = [("delete", STATIONS), ("write", STATIONS), ("write", ONE)]
    story = Story().play([("write", ATLAS), ("write", STATIONS), ("write", ONE), *again])

    batch = fold(story.entries)

    first, second = (
        _event(story.entries[2]).collection_uid,
        _event(story.entries[-1]).collection_uid,
    )
    assert first != second
    assert batch.doomed == {first: Kind.COLLECTION}


def test_a_flush_leaves_only_what_came_after_it() -> None:
    """What the batch had before the flush is never written; the list of buckets goes on."""
    story = Story().play([("write", ATLAS), ("flush", ATLAS)])

    batch = fold(story.entries)

    assert batch.flushed == [PARTITIONS[0]]
    assert not batch.changes
    assert list(batch.timestamps) == [ListKey(ALL_BUCKETS, Kind.BUCKET)]


def test_what_is_removed_from_a_history_leaves_tombstones_in_order() -> None:
    """HIS-11, DELL-3: each has a moment of its own, up to the bucket's clock after all of them."""
    story = Story().play([("write", ATLAS), ("write", STATIONS), ("write", ONE), ("trim", ATLAS)])

    batch = fold(story.entries)

    trimmed = story.entries[-1].content
    assert isinstance(trimmed, HistoryTrimmed)
    assert [at for _, _, at in batch.removals] == [trimmed.stream_at - 1, trimmed.stream_at]
    assert batch.timestamps[ListKey(trimmed.bucket_uid, HISTORY)] == trimmed.stream_at


def test_past_acls_are_kept_where_they_change() -> None:
    """HIS-8: what is in a bucket can be read by who could read the bucket then."""
    story = Story().play([("write", ATLAS), ("write", ATLAS), ("write", STATIONS), ("write", ONE)])
    story.delete(STATIONS)

    batch = fold(story.entries)

    bucket_uid = _event(story.entries[1]).bucket_uid
    collection_uid = _event(story.entries[3]).collection_uid
    writer = {"write": frozenset({WRITER})}
    assert [(acl.uid, acl.permissions) for acl in batch.past_acls] == [
        (bucket_uid, writer),
        (collection_uid, writer),
        (collection_uid, {}),
    ]


def test_who_joined_and_left_groups_is_summed_up() -> None:
    """GRP-5: one row for each member who is in it now and was not, or the other way round."""
    story = Story().play([("write", ATLAS)])
    crew = group("atlas", "crew")
    for members in (["a", "b"], ["b", "c", "c"]):
        story.write(crew, members=members)
    begun = fold(story.entries)
    told = len(story.entries)
    story.write(crew, members=["c"])
    story.write(crew, members=["c", "d"])
    changed = fold(story.entries[told:])
    told = len(story.entries)
    story.delete(crew)

    def moves(batch: Batch) -> set[tuple[str, bool]]:
        return {(change.member, change.is_member) for change in batch.memberships}

    assert moves(begun) == {("b", True), ("c", True)}
    assert moves(changed) == {("b", False), ("d", True)}
    assert moves(fold(story.entries[told:])) == {("c", False), ("d", False)}


def test_a_flush_leaves_other_partitions_alone() -> None:
    """Each partition has its own flush."""
    story = Story().play([("write", bucket("birds")), ("write", ATLAS), ("flush", ATLAS)])

    batch = fold(story.entries)

    assert [change.event.address.id for change in batch.changes] == ["birds"]


def test_the_last_claim_names_the_owner() -> None:
    """Instances forward to the URL that is found here."""
    story = Story().play([("claim", ATLAS), ("claim", ATLAS)])

    batch = fold(story.entries)

    assert batch.owners[PARTITIONS[0]].offset == 1


def test_nothing_folds_to_nothing() -> None:
    """A checkpoint may pass entries that did not count."""
    assert fold([]) == Batch(changes=[], flushed=[])


def test_a_record_without_a_life_to_live_in_is_refused() -> None:
    """Such an event would be written where nobody finds it."""
    story = Story().play([("write", ATLAS), ("write", STATIONS), ("write", ONE)])
    event = _event(story.entries[-1])
    object.__setattr__(event, "collection_uid", None)

    with pytest.raises(ValueError, match="names no life"):
        fold(story.entries)


@given(steps=steps, sizes=st.lists(st.integers(1, 12), min_size=1))
def test_batches_may_be_cut_anywhere(steps: Sequence[Step], sizes: Sequence[int]) -> None:
    """A restart, a slow moment, another batch size: readers must not see any of it."""
    entries = Story().play(steps).entries
    whole, cut = Tables(), Tables()

    whole.apply(fold(entries))
    for batch in _cut(entries, sizes):
        cut.apply(fold(batch))

    assert cut.reachable() == whole.reachable()


@given(steps=steps)
def test_the_fold_says_what_the_log_says(steps: Sequence[Step]) -> None:
    """Lives instead of cascades lead to the same objects as cascades would."""
    entries = Story().play(steps).entries
    tables = Tables()

    tables.apply(fold(entries))

    rows, timestamps, history = tables.reachable()
    view = view_of_log(entries)
    assert {row.address.uri: row.after.data for row in rows} == {
        uri: kept["data"] for uri, kept in view.objects.items()
    }
    assert sorted(timestamps.values()) == sorted(view.timestamps.values())
    assert sorted(history) == sorted(
        f"{entry['last_modified']} {entry['id']}"
        for entries in view.history.values()
        for entry in entries
    )


def test_the_story_covers_every_kind() -> None:
    """Otherwise the properties above would prove little."""
    story = Story().play([("write", address) for address in ADDRESSES])

    kinds = {change.event.address.kind for change in fold(story.entries).changes}

    assert kinds == set(Kind)
    assert group("atlas", "editors") in ADDRESSES


def _event(entry: Entry) -> ObjectChanged:
    assert isinstance(entry.content, ObjectChanged)
    return entry.content


def _cut(entries: Sequence[Entry], sizes: Sequence[int]) -> Sequence[Sequence[Entry]]:
    batches: list[Sequence[Entry]] = []
    rest, turn = list(entries), 0
    while rest:
        size = sizes[turn % len(sizes)]
        batches.append(rest[:size])
        rest, turn = rest[size:], turn + 1
    return batches
