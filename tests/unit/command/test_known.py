"""What the owner knows: exact over the lives of buckets and collections, whatever is read late."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.command.known import Known
from muniment.command.known_objects import KnownBucket, KnownCollection
from muniment.domain.addresses import Address, Kind, record
from muniment.domain.commands import Command
from muniment.domain.decisions import Decision, LookUp, decide
from muniment.domain.events import ObjectChanged
from muniment.domain.rules import Rules
from muniment.domain.states import ABSENT, Present, Scene, State
from muniment.domain.values import Uid
from muniment.log.protocol import Entry, Offset, Partition, Position
from tests.support.deciding import (
    BUCKET,
    COLLECTION,
    RECORD,
    Asked,
    World,
    ask,
    present,
)
from tests.support.histories import commands, moment, moments, opening
from tests.support.memory_read_model import MemoryReadModel

OTHER_LIFE = Uid("00000000-0000-0000-0000-00000000000f")


@dataclass(slots=True)
class Told:
    """An owner's knowledge over a read model that lags behind as many groups as one likes."""

    nodes_max: int = 1_000
    known: Known = field(init=False)
    read_model: MemoryReadModel = field(default_factory=MemoryReadModel)
    not_projected: list[tuple[int, ObjectChanged]] = field(
        default_factory=list[tuple[int, ObjectChanged]]
    )
    oracle: World = field(default_factory=World)
    group: int = 0
    _number: int = 0

    def __post_init__(self) -> None:
        self.known = Known(nodes_max=self.nodes_max)

    def write(self, *group: Command, now: int = 5) -> list[tuple[Decision, Decision]]:
        """Decide a group as the owner does; answer each decision beside the oracle's."""
        self.group += 1
        lacking = self.known.lacking([command.address for command in group])
        self.read_model.load_now(lacking, self.known)
        return [self._one(command, now) for command in group]

    def project(self, groups: int) -> None:
        """Project up to that group; the owner hears of it."""
        for group, event in self.not_projected:
            if group <= groups:
                position = Position(Partition(0), Offset(0))
                self.read_model.apply(Entry(position=position, claim=Offset(0), content=event))
        self.not_projected = [each for each in self.not_projected if each[0] > groups]
        self.known.forget(projected=groups)

    def state(self, address: Address) -> State:
        lacking = self.known.lacking([address])
        self.read_model.load_now(lacking, self.known)
        return self.scene(address).target

    def scene(self, address: Address) -> Scene:
        bucket_list = self.oracle.scene(BUCKET).timeline
        return self.known.scene(address, bucket_list=bucket_list)

    def _one(self, command: Command, now: int) -> tuple[Decision, Decision]:
        self._number += 1
        scene = self.scene(command.address)
        decision = decide(scene, command, moment(self._number, now), Rules())
        if isinstance(decision, LookUp):
            taken = self.oracle.taken(command.address)
            scene = replace(scene, taken=taken)
            decision = decide(scene, command, moment(self._number, now), Rules())
        if isinstance(decision, ObjectChanged):
            self.known.apply(decision, self.group)
            self.not_projected.append((self.group, decision))
        return decision, self.oracle.run(command, moment(self._number, now))


# --- against a model ------------------------------------------------------------------------------


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[list[Command], float, int]]:
    """Groups, how much of what is open is projected after each, and the clock."""
    clock = draw(moments())
    groups = draw(st.lists(st.lists(commands(), min_size=1, max_size=5), max_size=12))
    return [
        (group, draw(st.sampled_from([0.0, 0.0, 0.5, 1.0])), clock[number % len(clock)])
        for number, group in enumerate(groups)
    ]


@given(steps(), st.sampled_from([0, 2, 1_000]), st.booleans())
def test_it_decides_as_one_who_never_forgets(
    steps: list[tuple[list[Command], float, int]], nodes_max: int, is_begun: bool
) -> None:
    """However late the read model is, whatever was evicted, and however often lives begin anew."""
    told = Told(nodes_max)
    compared = told.write(*opening()) if is_begun else []
    projected = 0
    for group, share, now in steps:
        compared += told.write(*group, now=now)
        projected += int((told.group - projected) * share)
        told.project(projected)

    # A bucket that is gone and projected may start another life with another stream's clock.
    assert [_timeless(own) for own, _ in compared] == [_timeless(model) for _, model in compared]


@given(steps())
def test_nothing_is_kept_of_what_is_projected(
    steps: list[tuple[list[Command], float, int]],
) -> None:
    """The overlay holds what the read model lacks, no more."""
    told = Told()
    for group, _, now in steps:
        told.write(*group, now=now)

    told.project(told.group)

    assert told.known.overlay_records == 0


def _timeless(decision: Decision) -> object:
    if isinstance(decision, ObjectChanged):
        return replace(decision, stream_at=decision.occurred_at)
    return decision


# --- lives ----------------------------------------------------------------------------------------


def begun(*, nodes_max: int = 1_000) -> Told:
    """A record in a collection in a bucket, all projected."""
    told = Told(nodes_max)
    told.write(*(ask(address=address).put({}) for address in (BUCKET, COLLECTION)))
    told.write(ask().put({"name": "Cove"}))
    told.project(told.group)
    return told


@pytest.mark.parametrize("parent", [BUCKET, COLLECTION], ids=["bucket", "collection"])
@pytest.mark.parametrize("in_one_group", [True, False], ids=["one-group", "several-groups"])
def test_a_record_is_gone_with_its_parent(parent: Address, in_one_group: bool) -> None:
    """Also while the read model still has it, and where it was just read from there."""
    told = begun()
    remake: list[Command] = [ask(address=address).put({}) for address in (BUCKET, COLLECTION)]
    group: list[Command] = [
        ask(address=parent).delete(),
        *remake,
        ask(if_none_match="*").put({"name": "Bay"}),
    ]

    if in_one_group:
        [*_, (last, _)] = told.write(*group)
    else:
        [[(last, _)]] = [told.write(command) for command in group][-1:]

    assert isinstance(last, ObjectChanged)
    assert last.before is None


def test_a_bucket_made_again_does_not_have_its_old_collections() -> None:
    """What the read model has of them belongs to the bucket's last life."""
    told = begun(nodes_max=0)

    told.write(ask(address=BUCKET).delete(), ask(address=BUCKET).put({}))

    assert told.state(COLLECTION) == ABSENT


def test_what_was_read_in_another_life_of_the_collection_is_not_learned() -> None:
    """The read model's row was of a life that has ended since."""
    known = known_with(present(COLLECTION))

    known.learn_record(RECORD, present(), collection_uid=OTHER_LIFE)

    assert known.scene(RECORD).target == ABSENT


def test_what_was_read_in_another_life_of_the_bucket_is_not_learned() -> None:
    known = Known(nodes_max=10)
    known.learn_bucket(BUCKET.bucket_id, KnownBucket(state=present(BUCKET)))

    known.learn_collection(
        BUCKET.bucket_id,
        RECORD.collection_id or COLLECTION.id,  # type: ignore[arg-type]  # a record has one
        KnownCollection(state=present(COLLECTION)),
        bucket_uid=OTHER_LIFE,
    )

    assert known.scene(COLLECTION).target == ABSENT


def test_what_is_known_is_not_overwritten_by_what_is_read() -> None:
    """The owner's knowledge is newer, always."""
    known = known_with(present(COLLECTION, title="newer"))

    known.learn_bucket(BUCKET.bucket_id, KnownBucket())

    assert isinstance(known.scene(COLLECTION).bucket, Present)
    assert known.scene(RECORD).collection == present(COLLECTION, title="newer")


# --- forgetting -----------------------------------------------------------------------------------


def test_a_record_is_kept_until_it_is_projected() -> None:
    """Then it is read again, as others may be in memory's place."""
    told = begun()
    told.write(ask().patch({"name": "Bay"}))

    assert told.known.overlay_records == 1
    assert not told.known.lacking([RECORD])
    told.project(told.group)
    assert told.known.overlay_records == 0
    assert told.known.lacking([RECORD]).records == (RECORD,)


def test_a_record_that_was_touched_again_is_kept_for_its_last_group() -> None:
    told = begun()
    told.write(ask().patch({"a": 1}))
    told.write(ask().patch({"a": 2}))

    told.project(told.group - 1)

    assert told.known.overlay_records == 1
    state = told.state(RECORD)
    assert isinstance(state, Present)
    assert state.data["a"] == 2


def test_a_bucket_is_not_evicted_while_something_of_it_is_not_projected() -> None:
    """What nobody else knows yet cannot be read anywhere."""
    told = begun(nodes_max=0)
    told.write(ask(address=COLLECTION).patch({"title": "new"}))

    told.project(told.group - 1)

    assert not told.known.lacking([COLLECTION])
    told.project(told.group)
    assert told.known.lacking([COLLECTION]).buckets == (BUCKET.bucket_id,)


def test_the_least_recently_asked_bucket_goes_first() -> None:
    told = Told(nodes_max=1)
    birds = Asked(address=replace(BUCKET, bucket_id="birds", id="birds"))  # type: ignore[arg-type]  # an id is text
    told.write(ask(address=BUCKET).put({}))
    told.write(birds.put({}))
    told.known.lacking([BUCKET])

    told.project(told.group)

    assert not told.known.lacking([BUCKET])
    assert told.known.lacking([birds.address])


def test_after_clearing_everything_is_read_anew() -> None:
    told = begun()

    told.known.clear()

    assert told.known.lacking([RECORD]).records == (RECORD,)
    assert told.known.overlay_records == 0


# --- what is lacking ------------------------------------------------------------------------------


def test_parents_are_asked_for_once() -> None:
    """One query for a group, however many of its commands are about one collection."""
    known = Known(nodes_max=10)
    other = record("atlas", "stations", "st-043")

    lacking = known.lacking([RECORD, other, RECORD])

    assert lacking.buckets == (BUCKET.bucket_id,)
    assert lacking.collections == ((BUCKET.bucket_id, RECORD.collection_id),)
    assert lacking.records == (RECORD, other)


def test_a_fresh_id_is_not_looked_for() -> None:
    """Nobody can have an id that was just made."""
    known = known_with(present(COLLECTION))

    assert not known.lacking([], fresh=[RECORD])
    assert known.scene(RECORD).target == ABSENT


@pytest.mark.parametrize("kind", [Kind.COLLECTION, Kind.RECORD])
def test_a_list_has_its_own_timeline(kind: Kind) -> None:
    """Bulk deletions are judged by it."""
    told = begun()
    told.write(ask(address=COLLECTION).patch({}), now=50)
    told.write(ask().patch({}), now=70)

    collection_id = RECORD.collection_id if kind is Kind.RECORD else None
    scene = told.known.list_scene(BUCKET.bucket_id, collection_id, kind)

    assert scene.timeline.at == {Kind.COLLECTION: 50, Kind.RECORD: 70}[kind]
    assert scene.target == ABSENT


def known_with(collection: Present) -> Known:
    known = Known(nodes_max=10)
    known.learn_bucket(BUCKET.bucket_id, KnownBucket(state=present(BUCKET)))
    assert RECORD.collection_id is not None
    known.learn_collection(
        BUCKET.bucket_id,
        RECORD.collection_id,
        KnownCollection(state=collection),
        bucket_uid=present(BUCKET).uid,
    )
    return known
