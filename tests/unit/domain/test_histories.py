"""What holds for every sequence of commands, whatever they are and whatever the clock says."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.domain.addresses import Kind
from muniment.domain.commands import Command, Create, Delete, FieldsPatch, MergePatch, Patch, Put
from muniment.domain.decisions import Decision, LookUp
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.states import ABSENT, Present, State, Tombstone, evolve
from muniment.domain.timelines import wanted_timestamp
from tests.support.deciding import World, list_of, moment
from tests.support.histories import commands, moments, opening
from tests.support.histories import moment as moment_of


@dataclass(slots=True)
class Told:
    """A world, and what was decided in it on the way."""

    world: World = field(default_factory=World)
    decisions: list[tuple[Command, Decision]] = field(
        default_factory=list[tuple[Command, Decision]]
    )

    @property
    def events(self) -> list[ObjectChanged]:
        return self.world.events


@st.composite
def histories(draw: st.DrawFn) -> Told:
    """Up to 40 commands on a world that has its parents already, or not."""
    clock = draw(moments())
    begun = opening() if draw(st.booleans()) else []
    told = Told()
    for number, command in enumerate(begun + draw(st.lists(commands(), max_size=40))):
        now = clock[number % len(clock)]
        told.decisions.append((command, told.world.run(command, moment_of(number, now))))
    return told


@given(histories())
def test_a_change_that_nobody_timed_is_the_latest_of_its_list(told: Told) -> None:
    """TS-2, TS-3: strictly increasing where no client had a say, never back where one had."""
    timelines: dict[str, int] = defaultdict(int)
    lives: dict[str, str | None] = {}
    for event in told.events:
        where = (list_of(event.address), lives.get(event.address.parent_uri))
        if event.last_modified <= timelines[str(where)]:
            assert event.id in {wished.id for wished in _wished(told)}
        timelines[str(where)] = max(timelines[str(where)], event.last_modified)
        lives[event.address.uri] = _life(event)


@given(histories())
def test_the_stream_of_a_bucket_is_strictly_increasing(told: Told) -> None:
    """The history's order is the order in which things happened (D-27)."""
    streams: dict[str, list[int]] = defaultdict(list)
    for event in told.events:
        streams[event.address.bucket_id].append(event.stream_at)

    assert all(times == sorted(set(times)) for times in streams.values())


@given(histories())
def test_no_two_objects_of_a_list_have_one_timestamp(told: Told) -> None:
    """D-12: tombstones included; so a page can begin after a timestamp."""
    lists: dict[str, list[int]] = defaultdict(list)
    for uri, state in told.world.states.items():
        if isinstance(state, Present | Tombstone):
            lists[uri.rpartition("/")[0]].append(state.last_modified)

    assert all(len(times) == len(set(times)) for times in lists.values())


@given(histories())
def test_no_timestamp_exceeds_that_of_its_list(told: Told) -> None:
    """TS-3: the list timestamp is the greatest in it."""
    for event in told.events:
        state = told.world.states.get(event.address.uri)
        if isinstance(state, Present | Tombstone):
            assert state.last_modified <= told.world.timelines[list_of(event.address)].at


@given(histories())
def test_what_was_after_one_event_is_before_the_next(told: Told) -> None:
    """E-12: consumers can follow an object from event to event, within the lives of its parents."""
    latest: dict[tuple[str, str | None, str | None], ObjectChanged] = {}
    for event in told.events:
        key = (event.address.uri, *_parents(event))
        last = latest.get(key)
        if last is None or last.action is Action.DELETED:
            assert (event.action, event.before) == (Action.CREATED, None)
        else:
            assert event.action is not Action.CREATED
            assert event.before == last.after
        latest[key] = event


@given(histories())
def test_folding_the_events_gives_the_states(told: Told) -> None:
    """E-8: the log is the truth: nothing is known that is not on it, timestamps neither."""
    replayed = World()
    for event in told.events:
        replayed.apply(event)

    assert replayed.states == told.world.states
    assert replayed.timelines == told.world.timelines


@given(histories())
def test_evolve_never_fails_and_needs_only_the_event(told: Told) -> None:
    """From any state, also one that the event could not have come from."""
    states: list[State] = [ABSENT, *told.world.states.values()]

    for event in told.events:
        reached = [evolve(state, event) for state in states]
        assert all(state == reached[0] for state in reached)


@given(histories())
def test_each_life_of_a_bucket_or_collection_has_a_uid_of_its_own(told: Told) -> None:
    """TS-11: what lies below is keyed by it."""
    births = [
        _life(event)
        for event in told.events
        if event.action is Action.CREATED and event.address.kind in (Kind.BUCKET, Kind.COLLECTION)
    ]

    assert len(births) == len(set(births))
    assert None not in births


@given(histories())
def test_an_event_names_the_life_in_which_it_happened(told: Told) -> None:
    """All events of a life carry its uid, from its creation to its deletion."""
    living: dict[str, str | None] = {}
    for event in told.events:
        uri = event.address.uri
        if event.action is Action.CREATED:
            living[uri] = _life(event)
        bucket_uri = f"/buckets/{event.address.bucket_id}"
        assert event.bucket_uid == living[bucket_uri]
        if event.address.kind is Kind.RECORD:
            assert event.collection_uid == living[event.address.parent_uri]
        assert _life(event) == living[uri]


@given(histories())
def test_what_is_refused_or_unchanged_changes_nothing(told: Told) -> None:
    """There are as many events as decisions to change something."""
    caused = [decision for _, decision in told.decisions if isinstance(decision, ObjectChanged)]

    assert caused == told.events
    assert not any(isinstance(decision, LookUp) for _, decision in told.decisions)


@given(histories())
def test_what_a_creation_made_is_answered_when_it_is_asked_again(told: Told) -> None:
    """POST-2: deciding twice writes once, whoever made it."""
    for number, (command, _) in enumerate(told.decisions):
        target = told.world.states.get(command.address.uri)
        if isinstance(command, Create) and isinstance(target, Present):
            again = replace(command, preconditions=replace(command.preconditions, if_match="*"))
            again = replace(again, preconditions=replace(again.preconditions, if_none_match=None))
            decision = told.world.run(again, moment(number=number + 1_000))
            assert not isinstance(decision, ObjectChanged)


@given(histories())
def test_the_same_history_gives_the_same_events(told: Told) -> None:
    """Time and ids come in as arguments: nothing else can make a difference."""
    again = World()

    decisions = [
        again.run(command, moment_of(number, event_now(decision)))
        for number, (command, decision) in enumerate(told.decisions)
        if isinstance(decision, ObjectChanged)
    ]

    assert decisions == told.events


@settings(max_examples=25)
@given(histories())
def test_lives_that_ended_leave_nothing_below(told: Told) -> None:
    """TS-11: neither objects nor tombstones nor list timestamps."""
    for uri, state in told.world.states.items():
        parent = uri.rpartition("/")[0].rpartition("/")[0]
        if parent:
            assert isinstance(told.world.states[parent], Present), (uri, state)


def event_now(decision: Decision) -> int:
    assert isinstance(decision, ObjectChanged)
    return decision.occurred_at


def _wished(told: Told) -> list[ObjectChanged]:
    """The events whose timestamp is the one that their command asked for."""
    return [
        decision
        for command, decision in told.decisions
        if isinstance(decision, ObjectChanged) and decision.last_modified == _wish(command)
    ]


def _wish(command: Command) -> int | None:
    match command:
        case Delete():
            return command.last_modified
        case Create(body=body) | Put(body=body) | Patch(change=FieldsPatch(body=body)):
            return wanted_timestamp((body.data or {}).get("last_modified"))
        case Patch(change=MergePatch(body=body)):
            return wanted_timestamp((body.data or {}).get("last_modified"))
        case _:
            return None


def _life(event: ObjectChanged) -> str | None:
    match event.address.kind:
        case Kind.BUCKET:
            return event.bucket_uid
        case Kind.COLLECTION:
            return event.collection_uid
        case _:
            return None


def _parents(event: ObjectChanged) -> tuple[str | None, str | None]:
    match event.address.kind:
        case Kind.BUCKET:
            return None, None
        case Kind.COLLECTION:
            return event.bucket_uid, None
        case _:
            return event.bucket_uid, event.collection_uid
