"""The way of a write, step 5: an owner's events go on the log as one batch, all or none."""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, Self

from muniment.domain.events import Event
from muniment.log.envelope import encode, encode_claim
from muniment.log.protocol import Claim, Fenced, Offset, OutcomeUnknown, Partition, TooLarge
from muniment.log.sender import BatchSender
from muniment.runtime.metrics import APPEND_BYTES, APPEND_EVENTS, APPEND_FAILURES, APPEND_SECONDS

_FAILURES: Final = {
    Fenced: APPEND_FAILURES.labels("fenced"),
    OutcomeUnknown: APPEND_FAILURES.labels("unknown"),
    TooLarge: APPEND_FAILURES.labels("refused"),
}


class KafkaWriter:
    """The right to append to one partition, from its claim until another one's."""

    def __init__(self, sender: BatchSender, claim: Offset) -> None:
        self._sender = sender
        self._claim = claim
        self._next = Offset(claim + 1)
        self._spent: Fenced | OutcomeUnknown | None = None
        self._appending = asyncio.Lock()

    @classmethod
    async def claiming(cls, claim: Claim, sender: BatchSender) -> Self:
        """Append the claim: from then on the broker refuses every older owner.

        Raises `Fenced` and `OutcomeUnknown`; then the sender is discarded.
        """
        try:
            await sender.start()
            return cls(sender, await sender.send(sender.batch_of([encode_claim(claim)])))
        except BaseException:
            await sender.discard()
            raise

    @property
    def partition(self) -> Partition:
        return self._sender.partition

    @property
    def claim(self) -> Offset:
        return self._claim

    async def append(self, events: Sequence[Event]) -> Offset:
        """Append the events as one batch, all or none; answer the offset of the first.

        Raises `TooLarge` (nothing appended), `Fenced` and `OutcomeUnknown`; after the latter two
        the writer is spent, and its owner claims anew and reads what is on the log.
        """
        async with self._appending:
            if self._spent is not None:
                raise self._spent.with_traceback(None)
            with _counted():
                return await self._append(events)

    async def close(self) -> None:
        """Let go of the producer, within its deadline; idempotent."""
        self._spent = self._spent or Fenced("this writer was closed")
        await self._sender.discard()

    async def _append(self, events: Sequence[Event]) -> Offset:
        batch = self._sender.batch_of(encode(event, self._claim) for event in events)
        size_bytes = batch.size()
        # Spent until proven otherwise, so that an append given up by its caller is too.
        self._spent = OutcomeUnknown("an earlier append was given up before its answer")
        try:
            first = await self._sender.send(batch)
            self._check_that_nobody_else_wrote(first)
        except (Fenced, OutcomeUnknown) as error:
            self._spent = error
            await self._sender.discard()
            raise
        self._next = Offset(first + len(events))
        self._spent = None
        APPEND_EVENTS.inc(len(events))
        APPEND_BYTES.inc(size_bytes)
        return first

    def _check_that_nobody_else_wrote(self, first: Offset) -> None:
        # -1: the broker knows the batch from an earlier try, but not any more where it put it.
        if first < 0:
            raise OutcomeUnknown(f"partition {self.partition} does not tell where the batch is")
        if first != self._next:
            raise Fenced(f"somebody else wrote offset {self._next} of partition {self.partition}")


@contextmanager
def _counted() -> Generator[None]:
    try:
        with APPEND_SECONDS.time():
            yield
    except (Fenced, OutcomeUnknown, TooLarge) as error:
        _FAILURES[type(error)].inc()
        raise
