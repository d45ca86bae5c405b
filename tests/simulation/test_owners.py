"""Owners that take a partition from each other on a log that loses, delays and forgets.

Each history comes from a seed, which is printed with a failure: `SIMULATION_SEED=7 make
simulation` plays that one alone; the long form plays many more.
"""

import asyncio
import os
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from muniment.command.owner import OwnerLimits
from muniment.command.waiting import Answer, NotOwner, Unavailable
from muniment.domain.addresses import Address, Kind, collection
from muniment.domain.commands import Command, Create
from muniment.domain.decisions import Unchanged
from muniment.domain.events import Cause, ObjectChanged
from muniment.domain.refusals import ObjectModified
from muniment.domain.states import Present
from muniment.domain.values import JsonValue
from muniment.log.memory import Fault
from muniment.log.protocol import Partition
from tests.support.deciding import BUCKET, COLLECTION, NOW, RECORD, Asked, World, ask, list_of
from tests.support.instances import Instance, Universe, universe

CLIENTS: Final = 4
INCREMENTS: Final = 20
CLAIMS: Final = 12
NAMES: Final = ("users", "orders", "items")
LIMITS: Final = OwnerLimits(projection_wait_timeout_s=0.3, overlay_records_max=1_000)

SEEDS: Final = (
    [int(os.environ["SIMULATION_SEED"])] if "SIMULATION_SEED" in os.environ else list(range(12))
)
MANY: Final = [random.SystemRandom().randrange(10**9) for _ in range(200)]


@dataclass(slots=True)
class Told:
    """What clients were told, by request id."""

    acknowledged: dict[str, Answer] = field(default_factory=dict[str, Answer])
    projected_too_early: list[str] = field(default_factory=list[str])
    unknown: set[str] = field(default_factory=set[str])
    requests: int = 0

    def next_request(self) -> str:
        self.requests += 1
        return f"request-{self.requests}"


@dataclass(slots=True)
class Simulation:
    """Two instances, clients that write through either one, and a world that works against them."""

    world: Universe
    random: random.Random
    told: Told = field(default_factory=Told)
    instances: list[Instance] = field(default_factory=list[Instance])
    is_over: bool = False

    async def play(self) -> None:
        self.instances = [self.world.instance(name) for name in ("one", "two")]
        self._take_over()
        await self._sure(ask(address=BUCKET).put({}))
        await self._sure(ask(address=COLLECTION).put({}))
        await self._sure(ask().put({"n": 0, "ops": []}))
        trouble = asyncio.create_task(self._make_trouble())
        await asyncio.gather(
            *(self._increment(client) for client in range(CLIENTS)),
            *(self._create(client) for client in range(CLIENTS)),
            *(self._claim(client) for client in range(CLIENTS)),
        )
        self.is_over = True
        await trouble

    # --- clients ------------------------------------------------------------------------------

    async def _increment(self, client: int) -> None:
        """Add one, conditionally, until it is certain that it was added."""
        for number in range(INCREMENTS):
            operation = f"{client}.{number}"
            while True:
                state = await self._read()
                operations = state.data["ops"]
                assert isinstance(operations, list)
                if operation in operations:
                    break
                content: dict[str, JsonValue] = {
                    "n": len(operations) + 1,
                    "ops": [*operations, operation],
                }
                answer = await self._send(Asked(if_match=state.last_modified).put(content))
                if answer is not None and isinstance(answer.outcome, ObjectChanged):
                    break
                assert answer is None or isinstance(answer.outcome, ObjectModified)
                await self._pause()

    async def _create(self, client: int) -> None:
        """Create objects of ids that others create too; repeat what is not known."""
        for number in range(INCREMENTS):
            shared = f"c{self.random.randrange(CLIENTS)}-{number}"
            address = replace(RECORD, id=shared)
            answer = await self._sure(ask(address=address).create({"by": client}))
            assert isinstance(answer.outcome, ObjectChanged | Unchanged)

    async def _claim(self, client: int) -> None:
        """Make, rename and delete collections, all clients under the same few names."""
        own: Address | None = None
        for number in range(CLAIMS):
            name = self.random.choice(NAMES)
            if own is None:
                made = await self._sure(_named(f"{client}-{number}", name))
                own = _address_of(made.outcome)
            elif self.random.random() < 0.5:
                await self._sure(replace(ask(address=own).patch({"name": name}), claimed_name=name))
            else:
                await self._sure(ask(address=own).delete())
                own = None
            await self._pause()

    async def _sure(self, command: Command) -> Answer:
        while (answer := await self._send(command)) is None:
            await self._pause()
        return answer

    async def _read(self) -> Present:
        """What a reader finds, once it is there."""
        while True:
            state = self.world.read_model.state(RECORD)
            if isinstance(state, Present):
                return state
            await self._pause()

    async def _send(self, command: Command) -> Answer | None:
        """Through either instance; `None` when nobody can say what became of it."""
        request_id = self.told.next_request()
        command = replace(command, cause=Cause(actor=None, request_id=request_id))
        instance = self.random.choice(self.instances)
        waits = self.random.random() < 0.8
        try:
            answer = await instance.submit(command, awaits_projection=waits)
        except NotOwner:
            return None
        except Unavailable:
            self.told.unknown.add(request_id)
            return None
        self.told.acknowledged[request_id] = answer
        if answer.is_projected and not self._is_projected(answer):
            self.told.projected_too_early.append(request_id)
        return answer

    def _is_projected(self, answer: Answer) -> bool:
        if not isinstance(answer.outcome, ObjectChanged):
            return True
        return any(
            isinstance(entry.content, ObjectChanged) and entry.content.id == answer.outcome.id
            for entry in self.world.projector.projected
        )

    async def _pause(self) -> None:
        await asyncio.sleep(self.random.random() * 0.004)

    # --- trouble ------------------------------------------------------------------------------

    async def _make_trouble(self) -> None:
        only = Partition(0)
        log = self.world.log
        while not self.is_over:
            await self._pause()
            match self.random.randrange(8):
                case 0:
                    self._take_over()
                case 1 | 2 | 3:
                    log.fail_next_append(only, self.random.choice(list(Fault)))
                case 4:
                    log.deliver_late(only)
                case 5:
                    log.forget_owner(only)
                case 6:
                    await self.world.pause()
                    await self._pause()
                    self.world.project()
                case _:
                    pass
            if not any(owner.is_open for each in self.instances for owner in each.owners.values()):
                self._take_over()
        log.deliver_late(only)

    def _take_over(self) -> None:
        self.random.choice(self.instances).own()


async def played(seed: int) -> Simulation:
    print(f"seed {seed}")
    chance = random.Random(seed)
    ticks = iter(range(10**9))

    def now() -> int:
        """A clock that mostly goes on, and sometimes back."""
        return NOW + next(ticks) // 7 - chance.choice([0, 0, 0, 50])

    async with universe(limits=LIMITS, now=now) as world:
        simulation = Simulation(world, chance)
        async with asyncio.timeout(60):
            await simulation.play()
        world.project()
        while await world.projector.step():
            pass
        return simulation


def judge(simulation: Simulation) -> None:
    """What holds whatever happened on the way."""
    told = simulation.told
    projected = [entry.content for entry in simulation.world.projector.projected]
    events = [content for content in projected if isinstance(content, ObjectChanged)]

    by_id = Counter(event.id for event in events)
    by_request = Counter(event.cause.request_id for event in events)
    assert set(by_id.values()) == {1}, "an event is on the log twice"
    assert set(by_request.values()) == {1}, "a request had its effect twice"
    for request_id, answer in told.acknowledged.items():
        expected = 1 if isinstance(answer.outcome, ObjectChanged) else 0
        assert by_request[request_id] == expected, f"{request_id} was told {answer}"
    assert told.projected_too_early == []
    _judge_order(events)
    _judge_names(events)

    counter = simulation.world.read_model.state(RECORD)
    assert isinstance(counter, Present)
    assert counter.data["n"] == CLIENTS * INCREMENTS, "an update was lost"


def _judge_order(events: list[ObjectChanged]) -> None:
    """Each event rests on the one before it, and is later than all of its list."""
    world = World()
    for event in events:
        scene = world.scene(event.address)
        before = scene.target.data if isinstance(scene.target, Present) else None
        assert (None if event.before is None else event.before.data) == before
        assert event.last_modified > scene.timeline.at, list_of(event.address)
        assert event.stream_at > scene.stream.at
        world.apply(event)


def _judge_names(events: list[ObjectChanged]) -> None:
    """No two collections have a name at the same time, whoever has given it to them."""
    held: dict[JsonValue, str] = {}
    for event in events:
        if event.address.kind is not Kind.COLLECTION:
            continue
        held = {name: id_ for name, id_ in held.items() if id_ != event.address.id}
        name = event.after.data.get("name")
        if name is not None:
            assert name not in held, f"{event.address.id} and {held[name]} are both {name}"
            held[name] = event.address.id


def _named(id_: str, name: str) -> Create:
    """The creation of a collection that is called so."""
    like = ask(address=collection(BUCKET.id, id_)).create({"name": name})
    return replace(like, claimed_name=name)


def _address_of(outcome: object) -> Address | None:
    """Of what was made, or had been by an attempt of which nobody heard."""
    match outcome:
        case ObjectChanged(address=address):
            return address
        case Unchanged(existing=existing):
            return collection(BUCKET.id, str(existing.data["id"]))
        case _:
            return None


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_write_is_lost_doubled_or_forgotten(seed: int) -> None:
    """Acknowledged once means on the log once; increments add up, whoever owns the partition."""
    judge(await played(seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", MANY)
async def test_no_write_is_lost_doubled_or_forgotten_in_many_histories(seed: int) -> None:
    """The long form: other seeds each time."""
    judge(await played(seed))
