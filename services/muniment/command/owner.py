"""The owner of a partition: the one who decides its commands and appends what they cause.

    queue -> load what is lacking -> decide one after another -> append as one batch -> answer

Commands that arrive while a batch is on its way are decided together after it. Nothing here
repeats an append: when its outcome is not known, a new claim is made and the log is read.
"""

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from muniment.command.answering import Answering, events_of
from muniment.command.bucket_list import BucketList, BucketTurn, Holder
from muniment.command.counting import OwnerMetrics
from muniment.command.deciding import Decided, Decider, OrderFailed
from muniment.command.known import Known
from muniment.command.known_objects import GroupNumber
from muniment.command.loading import ReadModel
from muniment.command.parts import asks_read_model, needs_turn, parts
from muniment.command.queue import CommandQueue
from muniment.command.waiting import (
    Deleted,
    DeleteRest,
    NotOwner,
    TooLargeToAppend,
    Unavailable,
    Waiting,
)
from muniment.domain.events import Event, PartitionFlushed
from muniment.log.protocol import (
    Claim,
    Fenced,
    Log,
    Offset,
    OutcomeUnknown,
    Partition,
    Position,
    Start,
    TooLarge,
    Writer,
)
from muniment.readmodel.checkpoints import Checkpoint, Checkpoints
from muniment.readmodel.connection import UNREACHABLE
from muniment.runtime.logs import get_logger
from muniment.runtime.metrics import CLAIMS

log = get_logger(__name__)

READ_BACK_WAIT_S: Final = 1.0
READ_BACK_ENTRIES_MAX: Final = 1_000
CLAIM_PAUSE_S: Final = 0.5

TRIES_MAX: Final = 3
"""How often a command is decided whose append is known to have had no effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerLimits:
    """What bounds an owner; each is a setting of the same name."""

    queue_commands_max: int = 10_000
    group_commands_max: int = 500
    group_bytes_max: int = 900_000
    overlay_records_max: int = 100_000
    known_nodes_max: int = 20_000
    projection_wait_timeout_s: float = 5.0
    claim_renewal_s: float = 4 * 3600.0
    """An owner claims again this often: Kafka forgets a producer's epoch after days."""


class Owner:
    """Decides and appends for one partition from `run` until fenced or cancelled."""

    def __init__(
        self,
        partition: Partition,
        *,
        event_log: Log,
        read_model: ReadModel,
        checkpoints: Checkpoints,
        bucket_list: BucketList,
        decider: Decider,
        limits: OwnerLimits,
        instance_id: str,
        url: str,
    ) -> None:
        self.partition = partition
        self._log = event_log
        self._read_model = read_model
        self._checkpoints = checkpoints
        self._bucket_list = bucket_list
        self._decider = decider
        self._limits = limits
        self._instance_id = instance_id
        self._url = url
        self._queue = CommandQueue(commands_max=limits.queue_commands_max)
        self._known = Known(nodes_max=limits.known_nodes_max)
        self._writer: Writer | None = None
        self._next = Offset(0)
        self._group: GroupNumber = 0
        self._on_the_way: deque[tuple[GroupNumber, Offset]] = deque()
        self._metrics = OwnerMetrics(partition)
        self._answering = Answering(
            checkpoints, self._metrics, timeout_s=limits.projection_wait_timeout_s
        )
        self._must_settle = False
        self._renewal_at_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether commands are being decided."""
        return self._writer is not None

    @property
    def takes_orders(self) -> bool:
        """Whether orders may line up, also before it is open."""
        return not self._queue.is_closed

    def submit(self, waiting: Waiting) -> None:
        """Line the order up. Raises `Unavailable` if too much waits or is not projected yet."""
        if self._known.overlay_records > self._limits.overlay_records_max:
            message = "the projector is too far behind"
            raise Unavailable(message)
        self._queue.put(waiting)

    async def run(self) -> None:
        """Claim the partition, and decide what is submitted until another owner claims it."""
        try:
            await self._open("assigned")
            while True:
                group = await self._next_group()
                if group:
                    await self._write(group)
                elif self._queue.is_closed:
                    return
                else:
                    await self._open("renewed")
        except Fenced:
            log.info("owner.fenced", partition=self.partition)
        finally:
            await self._end()

    def stop(self) -> None:
        """Take no more; `run` ends when what waits is decided and answered."""
        self._queue.close()

    def retreat(self) -> None:
        """The read model has lost its last moments: wait until it is built again."""
        self._must_settle = True

    # --- opening ------------------------------------------------------------------------------

    async def _open(self, reason: str) -> None:
        """Claim; then wait until the read model holds all that older owners wrote."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        writer = await self._claimed()
        CLAIMS.labels(reason).inc()
        claim = Position(self.partition, writer.claim)
        try:
            while not await self._checkpoints.wait_for(
                claim, claim=writer.claim, timeout_s=self._limits.projection_wait_timeout_s
            ):
                log.warning("owner.waits_for_projector", partition=self.partition)
        except BaseException:
            await writer.close()
            raise
        self._known.clear()
        self._known.floor = claim
        self._on_the_way.clear()
        self._must_settle = False
        self._renewal_at_s = _clock_s() + self._limits.claim_renewal_s
        self._next = Offset(writer.claim + 1)
        self._writer = writer
        log.info("owner.opened", partition=self.partition, claim=writer.claim, reason=reason)

    async def _claimed(self) -> Writer:
        while True:
            try:
                return await self._log.claim(
                    self.partition, instance_id=self._instance_id, url=self._url
                )
            except OutcomeUnknown as error:
                log.warning("owner.claim_failed", partition=self.partition, reason=str(error))
                await asyncio.sleep(CLAIM_PAUSE_S)

    async def _next_group(self) -> list[Waiting]:
        """The next orders to decide together; empty when it is time to claim again."""
        if _clock_s() >= self._renewal_at_s and not self._queue.is_closed:
            return []
        try:
            async with asyncio.timeout_at(self._renewal_at_s):
                return await self._queue.take(
                    commands_max=self._limits.group_commands_max,
                    bytes_max=self._limits.group_bytes_max,
                )
        except TimeoutError:
            return []

    # --- the way of a write -------------------------------------------------------------------

    async def _write(self, group: Sequence[Waiting]) -> None:
        """Decide the group, append what it causes as one batch, answer when that is projected."""
        self._metrics.took(
            len(group), left=len(self._queue), overlay_objects=self._known.overlay_records
        )
        try:
            left = deque(parts(group))
            while left:
                left.extendleft(reversed(await self._write_part(left.popleft())))
        except (*UNREACHABLE, Unavailable) as error:
            # What was decided of the part is not on the log: only the read model counts again.
            self._distrust()
            _fail(group, Unavailable(str(error) or type(error).__name__))
        except BaseException as error:
            _fail(group, Unavailable(f"the owner of the partition stopped: {error!r}"))
            raise

    async def _write_part(self, part: Sequence[Waiting]) -> Sequence[Sequence[Waiting]]:
        """Answer with the parts in which to decide once more what was not decided for good."""
        self._forget_projected()
        if self._must_settle or asks_read_model(part[0]):
            await self._settle()
        if not needs_turn(part[0]):
            return await self._decide_and_append(part, None)
        async with self._bucket_list.turn(self._holder) as turn:
            return await self._decide_and_append(part, turn)

    async def _decide_and_append(
        self, part: Sequence[Waiting], turn: BucketTurn | None
    ) -> Sequence[Sequence[Waiting]]:
        self._group += 1
        try:
            decided, undecided = await self._decider.decide(
                part, partition=self.partition, known=self._known, group=self._group, turn=turn
            )
        except OrderFailed as failed:
            # What was decided with it rests on what it has left behind, and is not on the log.
            self._distrust()
            return [rest] if (rest := [each for each in part if each is not failed.waiting]) else ()
        events = [event for _, outcome in decided for event in events_of(outcome)]
        try:
            with _unsure(turn):
                await self._append(events)
        except TooLarge as error:
            self._distrust()
            return _apart(part, decided, error)
        except OutcomeUnknown as error:
            log.warning("owner.outcome_unknown", partition=self.partition, reason=str(error))
            with _unsure(turn):
                landed = await self._has_landed(decided)
            if not landed:
                return _again(part, error)
            if (going_on := _going_on(decided)) is not None:
                # Somebody else may have owned the partition before we claimed it anew.
                going_on.fail(Unavailable(str(error)))
                return ()
        if any(isinstance(outcome, PartitionFlushed) for _, outcome in decided):
            self._distrust()
        if (going_on := _going_on(decided)) is not None:
            return [[going_on]]
        self._answer(decided, turn)
        for waiting in undecided:
            waiting.stands_alone = True
        return [[waiting] for waiting in undecided]

    def _answer(self, decided: Decided, turn: BucketTurn | None) -> None:
        """Answer as soon as the read model holds what the answers rest on."""
        assert self._writer is not None  # noqa: S101 - `run` opens before it writes
        position = Position(self.partition, Offset(self._next - 1))
        self._answering.answer(decided, position, claim=self._writer.claim)
        if turn is not None:
            readable = self._answering.projected(position, claim=self._writer.claim)
            turn.held_until.add(asyncio.ensure_future(readable))

    def _distrust(self) -> None:
        """Forget all, and read nothing before the read model holds what is on the way."""
        self._known.clear()
        self._must_settle = True

    @property
    def _holder(self) -> Holder:
        assert self._writer is not None  # noqa: S101 - `run` opens before it writes
        return Holder(partition=self.partition, claim=self._writer.claim)

    async def _append(self, events: Sequence[Event]) -> None:
        if not events:
            return
        writer = self._writer
        assert writer is not None  # noqa: S101 - `run` opens before it writes
        first = await writer.append(events)
        self._next = Offset(first + len(events))
        self._on_the_way.append((self._group, Offset(self._next - 1)))

    async def _has_landed(self, decided: Decided) -> bool:
        """Claim anew, and read what happened: a batch is on the log whole or not at all."""
        assert self._writer is not None  # noqa: S101 - an append has just failed on it
        before = Start(offset=self._next, claim=self._writer.claim)
        await self._open("recovered")
        found = await self._ids_between(before, self._writer.claim)
        landed = any(event.id in found for _, outcome in decided for event in events_of(outcome))
        log.info("owner.recovered", partition=self.partition, landed=landed)
        return landed

    async def _ids_between(self, start: Start, end: Offset) -> set[str]:
        reader = await self._log.reader({self.partition: start})
        ids: set[str] = set()
        try:
            while reader.positions()[self.partition].offset <= end:
                for entry in await reader.read(
                    wait_s=READ_BACK_WAIT_S, entries_max=READ_BACK_ENTRIES_MAX
                ):
                    if not isinstance(entry.content, Claim):
                        ids.add(entry.content.id)
        finally:
            await reader.close()
        return ids

    async def _settle(self) -> None:
        """Wait until the read model holds all that was appended, for orders that query it."""
        assert self._writer is not None  # noqa: S101 - `run` opens before it writes
        position = Position(self.partition, Offset(self._next - 1))
        if not await self._checkpoints.wait_for(
            position,
            claim=self._writer.claim,
            timeout_s=self._limits.projection_wait_timeout_s,
        ):
            message = "the projector is behind"
            raise Unavailable(message)
        self._must_settle = False
        self._forget_projected()

    def _forget_projected(self) -> None:
        checkpoint = self._checkpoints.current.get(self.partition)
        if checkpoint is not None and not self._must_settle:
            self._known.forget(projected=self._projected_group(checkpoint))
            self._known.floor = Position(self.partition, Offset(checkpoint.next_offset - 1))

    def _projected_group(self, checkpoint: Checkpoint) -> GroupNumber:
        """The last group whose events are all in the read model."""
        while self._on_the_way and self._on_the_way[0][1] < checkpoint.next_offset:
            self._on_the_way.popleft()
        return self._on_the_way[0][0] - 1 if self._on_the_way else self._group

    async def _end(self) -> None:
        writer, self._writer = self._writer, None
        self._metrics.ended()
        self._queue.close()
        _fail(self._queue.drain(), NotOwner())
        await self._answering.finish()
        if writer is not None:
            await writer.close()


def _clock_s() -> float:
    return asyncio.get_running_loop().time()


@contextmanager
def _unsure(turn: BucketTurn | None) -> Generator[None]:
    """Where this is left by an error, nobody knows what of the turn will be read."""
    if turn is None:
        yield
        return
    turn.is_unsure = True
    try:
        yield
    except TooLarge:
        turn.is_unsure = False
        raise
    turn.is_unsure = False


def _apart(
    part: Sequence[Waiting], decided: Decided, error: TooLarge
) -> Sequence[Sequence[Waiting]]:
    """What is too large for one batch is decided again, one order at a time or less."""
    if len(part) > 1:
        return [[waiting] for waiting in part]
    [(waiting, outcome)] = decided
    if isinstance(outcome, Deleted) and outcome.begun_with and error.fitting:
        waiting.order = replace(outcome.begun_with, events_max=error.fitting)
        return [[waiting]]
    waiting.fail(TooLargeToAppend(str(error)))
    return ()


def _going_on(decided: Decided) -> Waiting | None:
    """The list deletion that needs another batch of the log; such an order stands alone."""
    for waiting, outcome in decided:
        if isinstance(outcome, Deleted) and outcome.rest is not None:
            waiting.order = outcome.rest
            return waiting
    return None


def _again(part: Sequence[Waiting], error: OutcomeUnknown) -> Sequence[Sequence[Waiting]]:
    """What has not landed is decided again, on what is true by now; but not for ever."""
    left: list[Waiting] = []
    for waiting in part:
        waiting.tries += 1
        # What a list deletion has selected before may have changed since.
        if waiting.tries < TRIES_MAX and not isinstance(waiting.order, DeleteRest):
            left.append(waiting)
        else:
            waiting.fail(Unavailable(str(error)))
    return [left] if left else ()


def _fail(group: Sequence[Waiting], error: Exception) -> None:
    for waiting in group:
        waiting.fail(error)
