"""A read model in memory, folded from a `MemoryLog`, for the owner's unit tests and simulations.

Like the real one it lags behind the log, is read in one piece, and knows lives by their uids.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from copy import deepcopy

from muniment.command.bucket_list import BucketList, BucketTurn, Holder
from muniment.command.known import Known
from muniment.command.known_objects import KnownBucket, KnownCollection, Lacking, leaves
from muniment.command.loading import DraftModel, LastOwner, ReadModel
from muniment.command.principals import Memberships
from muniment.command.tokens import UnusedTokens
from muniment.command.waiting import Made, MadeAt
from muniment.domain.addresses import (
    Address,
    CollectionId,
    Kind,
    bucket,
    collection,
    group,
    parse_uri,
    webhook,
)
from muniment.domain.events import Event, HistoryTrimmed, ObjectChanged, PartitionFlushed
from muniment.domain.groups import members_of
from muniment.domain.states import ABSENT, Present, State, Tombstone
from muniment.domain.timelines import Timeline
from muniment.domain.values import AUTHENTICATED, Principal, Timestamp, Uid
from muniment.log.memory import MemoryLog
from muniment.log.protocol import Claim, Entry, Offset, Partition, Position, Reader, Start
from muniment.readmodel.checkpoints import Checkpoint, Checkpoints
from muniment.web.http import Response
from tests.support.deciding import World


class MemoryReadModel(ReadModel):
    """What was projected, in the form of worlds: one for each partition."""

    def __init__(self) -> None:
        self.worlds: dict[Partition, World] = {}
        self.owners: dict[Partition, str] = {}
        self.owners_asked = 0
        self.claims: dict[Partition, Offset] = {}
        self.requests: dict[str, tuple[Made, Timestamp]] = {}
        self.drafted: MemoryDraft | None = None
        """The last draft that was opened."""

    @property
    def bucket_list_at(self) -> Timestamp:
        """The list of all buckets is one timeline over all partitions."""
        return max(
            (world.scene(bucket("a")).timeline.at for world in self.worlds.values()),
            default=Timestamp(0),
        )

    def apply(self, entry: Entry) -> None:
        """Project one entry."""
        partition = entry.position.partition
        self._note(entry)
        world = self.worlds.setdefault(partition, World())
        match entry.content:
            case ObjectChanged() as event:
                world.apply(event)
            case PartitionFlushed():
                world.flush()
            case Claim() as claim:
                self.owners[partition] = claim.url
                self.claims[partition] = entry.position.offset
            case HistoryTrimmed():
                pass  # No state depends on the history.

    def _note(self, entry: Entry) -> None:
        event = entry.content
        if isinstance(event, Claim) or event.cause.key is None or entry.claim is None:
            return
        key = event.cause.key
        at = MadeAt(
            last=entry.position, claim=entry.claim, events=key.events, next_token=key.next_token
        )
        self.requests[key.id] = Made(request=key.request, outcome=at), event.occurred_at

    async def made(
        self, keys: Collection[str], *, since: Timestamp, partition: Partition, known: Known
    ) -> Mapping[str, Made]:
        await asyncio.sleep(0)
        found = {key: self.requests[key] for key in keys if key in self.requests}
        return {key: made for key, (made, made_at) in found.items() if made_at > since}

    def state(self, address: Address) -> State:
        """What a reader finds at an address."""
        found = [
            world.states[address.uri]
            for world in self.worlds.values()
            if address.uri in world.states
        ]
        return found[0] if found else ABSENT

    async def load(self, lacking: Lacking, known: Known) -> None:
        """As with SQL, the answer is of one moment, some time after it was asked for."""
        await asyncio.sleep(0)
        self.load_now(lacking, known)

    def load_now(self, lacking: Lacking, known: Known) -> None:
        """What `load` does, for tests without a loop."""
        for bucket_id in lacking.buckets:
            known.learn_bucket(bucket_id, self._bucket(bucket(bucket_id)))
        for bucket_id, collection_id in lacking.collections:
            above = _uid(self.state(bucket(bucket_id)))
            known.learn_collection(
                bucket_id,
                collection_id,
                self._collection(collection(bucket_id, collection_id)),
                bucket_uid=above,
            )
        for address in lacking.leaves:
            above = _uid(self.state(bucket(address.bucket_id)))
            known.learn_leaf(address, self.state(address), bucket_uid=above)
        for address in lacking.records:
            above = _uid(self.state(collection(address.bucket_id, address.collection_id or "")))
            if above is not None and self.state(address) != ABSENT:
                known.learn_record(address, self.state(address), collection_uid=above)

    async def memberships(self, users: Collection[Principal]) -> Memberships:
        await asyncio.sleep(0)
        lives: dict[tuple[Principal, Principal], Uid] = {}
        for world in self.worlds.values():
            for uri, state in world.living().items():
                address = parse_uri(uri)
                life = _uid(self.state(bucket(address.bucket_id)))
                if address.kind is Kind.GROUP and life is not None:
                    for member in members_of(state.data) & {*users, AUTHENTICATED}:
                        lives[member, Principal(uri)] = life
        return Memberships(lives)

    async def ids_at_timestamp(
        self, last_modified: Timestamp, address: Address, *, parent_uid: Uid | None
    ) -> AbstractSet[str]:
        await asyncio.sleep(0)
        folder = address.uri.rpartition("/")[0]
        return {
            uri.rpartition("/")[2]
            for world in self.worlds.values()
            for uri, state in world.states.items()
            if isinstance(state, Present | Tombstone) and state.last_modified == last_modified
            if uri != address.uri and uri.rpartition("/")[0] == folder
        }

    async def name_holder(
        self, name: str, address: Address, *, floor: Position | None
    ) -> CollectionId | None:
        await asyncio.sleep(0)
        own, siblings = address.uri, f"{address.parent_uri}/collections/"
        found = [
            (uri.removeprefix(siblings), state.data)
            for world in self.worlds.values()
            for uri, state in world.living().items()
            if uri != own and parse_uri(uri).parent_uri == address.parent_uri
            if parse_uri(uri).kind is Kind.COLLECTION
        ]
        holders = [id_ for id_, data in found if name in (id_, data.get("name"))]
        return CollectionId(holders[0]) if holders else None

    async def last_owner(self, partition: Partition) -> LastOwner | None:
        self.owners_asked += 1
        await asyncio.sleep(0)
        url = self.owners.get(partition)
        claim = self.claims.get(partition, Offset(0))
        return None if url is None else LastOwner(url, claim)

    async def owner_urls(self) -> frozenset[str]:
        await asyncio.sleep(0)
        return frozenset(self.owners.values())

    @asynccontextmanager
    async def draft(
        self, partition: Partition, *, floor: Position | None
    ) -> AsyncGenerator[DraftModel]:
        """As the real one, and `drafted` says what is in it."""
        await asyncio.sleep(0)
        self.drafted = MemoryDraft(self, partition)
        yield self.drafted

    def _bucket(self, address: Address) -> KnownBucket:
        state = self.state(address)
        if not isinstance(state, Present):
            return KnownBucket(state=state)
        world = next(world for world in self.worlds.values() if address.uri in world.states)
        below = world.scene(collection(address.id, "any"))
        clocks: dict[str, Timeline] = {
            kind: world.scene(make(address.id, "any")).timeline
            for kind, make in ((Kind.GROUP, group), (Kind.WEBHOOK, webhook))
        }
        return KnownBucket(
            state=state,
            stream=below.stream,
            collections=below.timeline,
            leaves=leaves(clocks),
        )

    def _collection(self, address: Address) -> KnownCollection:
        state = self.state(address)
        if not isinstance(state, Present):
            return KnownCollection(state=state)
        world = next(world for world in self.worlds.values() if address.uri in world.states)
        records = world.scene(address).records
        return KnownCollection(state=state, records=records or Timeline(at=Timestamp(0)))


class MemoryDraft(MemoryReadModel, DraftModel):
    """The same worlds, and what was added to them."""

    def __init__(self, below: MemoryReadModel, partition: Partition) -> None:
        super().__init__()
        self.worlds = deepcopy(below.worlds)
        self._partition = partition

    def add(self, event: Event) -> None:
        if isinstance(event, ObjectChanged):
            self.worlds.setdefault(self._partition, World()).apply(event)

    async def read(self, answer: Callable[[], Awaitable[Response]]) -> Response:
        await asyncio.sleep(0)
        return await answer()


class MemoryTokens(UnusedTokens):
    """Tokens in memory, by the marks of those that have not come back."""

    def __init__(self, *, validity_s: float = 600) -> None:
        self._until_s: dict[str, float] = {}
        self._validity_s = validity_s

    async def give_out(self, nonce: str) -> None:
        await asyncio.sleep(0)
        self._until_s[nonce] = asyncio.get_running_loop().time() + self._validity_s

    async def _is_good(self, nonce: str) -> bool:
        await asyncio.sleep(0)
        return self._until_s.get(nonce, 0.0) > asyncio.get_running_loop().time()

    async def _take(self, nonce: str) -> bool:
        await asyncio.sleep(0)
        return self._until_s.pop(nonce, 0.0) > asyncio.get_running_loop().time()


class MemoryBucketList(BucketList):
    """Turns from a lock in memory, shared by all owners of a simulation."""

    def __init__(self, read_model: MemoryReadModel) -> None:
        self._memory = read_model
        self._lock = asyncio.Lock()
        self._left: Holder | None = None
        """Whose turn it was when that was over and nobody knew what became of it."""
        self._holding: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def turn(self, holder: Holder) -> AsyncGenerator[BucketTurn]:
        await self._lock.acquire()
        try:
            while self._is_unsure():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
        except BaseException:
            self._lock.release()
            raise
        self._left = holder
        turn = BucketTurn(Timeline(at=self._memory.bucket_list_at))
        try:
            yield turn
        finally:
            holding = asyncio.create_task(self._release(turn))
            self._holding.add(holding)
            holding.add_done_callback(self._holding.discard)

    def _is_unsure(self) -> bool:
        left = self._left
        return left is not None and self._memory.claims.get(left.partition, -1) <= left.claim

    async def close(self) -> None:
        for holding in self._holding:
            holding.cancel()
        await asyncio.gather(*self._holding, return_exceptions=True)

    async def _release(self, turn: BucketTurn) -> None:
        try:
            if turn.held_until:
                await asyncio.wait(turn.held_until)
            if not turn.is_unsure:
                self._left = None
        finally:
            self._lock.release()


class FedCheckpoints(Checkpoints):
    """Told by the projector in memory instead of by Postgres."""

    def __init__(self) -> None:
        super().__init__("")

    def feed(self, partition: Partition, checkpoint: Checkpoint) -> None:
        self._advance(partition, checkpoint)


class MemoryProjector:
    """Folds the log into the read model, one step at a time; each instance hears of it."""

    def __init__(self, log: MemoryLog, read_model: MemoryReadModel) -> None:
        self._log = log
        self._read_model = read_model
        self._reader: Reader | None = None
        self.listeners: list[FedCheckpoints] = []
        self.projected: list[Entry] = []

    async def step(self, *, entries_max: int = 100, wait_s: float = 0.0) -> int:
        """Project what is there, up to so many entries; answer how many."""
        if self._reader is None:
            start = Start(offset=Offset(0), claim=None)
            self._reader = await self._log.reader(dict.fromkeys(self._log.partitions, start))
        entries = await self._reader.read(wait_s=wait_s, entries_max=entries_max)
        for entry in entries:
            self._read_model.apply(entry)
            self.projected.append(entry)
        self.tell(self._reader.positions())
        return len(entries)

    async def run(self) -> None:
        """Project until cancelled."""
        while True:
            await self.step(wait_s=0.05)

    def tell(self, positions: Mapping[Partition, Start]) -> None:
        for partition, start in positions.items():
            if start.offset:
                for listener in self.listeners:
                    listener.feed(
                        partition, Checkpoint(next_offset=start.offset, claim=start.claim)
                    )


def _uid(state: State) -> Uid | None:
    return state.uid if isinstance(state, Present) else None
