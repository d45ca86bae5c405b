"""Writes that were made before under their `Idempotency-Key`: told again, and not made again.

The last event that a write has caused carries its key, so the key is on the log if and only if the
write is. What of it is not projected yet is known here, all else is in the read model: so every
owner knows the keys of its partition, as it knows all other states.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from muniment.command.known_keys import KnownKeys
from muniment.command.loading import ReadModel
from muniment.command.waiting import (
    AlreadyMade,
    Deleted,
    Flush,
    Forget,
    Made,
    MadeAt,
    Read,
    Step,
    Unavailable,
)
from muniment.domain.commands import DeleteMany
from muniment.domain.events import HistoryTrimmed, ObjectChanged, RequestKey
from muniment.domain.refusals import KeyReused
from muniment.domain.values import JsonObject
from muniment.domain.webhooks.rekeying import RekeyWebhook
from muniment.domain.webhooks.reporting import ReportWebhook
from muniment.log.protocol import Log, LogUnavailable, Offset, Start

READ_WAIT_S: Final = 1.0
LOG_TIMEOUT_S: Final = 10.0
"""For the log to tell again what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """What the steps of one part may be repeats of."""

    known: KnownKeys
    found: Mapping[str, Made]
    """What the read model has of their keys."""

    def of(self, step: Step) -> AlreadyMade | KeyReused | None:
        """What the step came to when it was made; nothing for one that is new."""
        key = key_of(step)
        if key is None:
            return None
        made = self.known.get(key) or self.found.get(key.id)
        if made is None:
            return None
        return AlreadyMade(made.outcome) if made.request == key.request else KeyReused()

    def left_out(self, steps: Sequence[Step]) -> Collection[int]:
        """The places of steps that changed nothing when the others of their batch were made.

        A step that a client has given a key of its own is nobody's but its own.
        """
        batches = [key.batch if (key := key_of(step)) else None for step in steps]
        outcomes = [self.of(step) for step in steps]
        made = {
            batch
            for batch, outcome in zip(batches, outcomes, strict=True)
            if batch is not None and isinstance(outcome, AlreadyMade)
        }
        return {
            place
            for place, (batch, outcome) in enumerate(zip(batches, outcomes, strict=True))
            if batch in made and outcome is None
        }


def key_of(
    step: Step | Flush | Forget | ReportWebhook | RekeyWebhook,
) -> RequestKey | None:
    """The key of a change; reads have none."""
    return None if isinstance(step, Read) else step.cause.key


def sealed(deleted: Deleted, key: RequestKey | None) -> Deleted:
    """The key on the last event alone, with what the events do not tell of the answer."""
    if key is None or not deleted.events:
        return deleted
    *others, last = [_keyed(event, None) for event in deleted.events]
    if deleted.rest is None:
        count = 1 if isinstance(last, HistoryTrimmed) else len(deleted.tombstones)
        told = replace(key, batch=None, events=count, next_token=deleted.next_token)
        last = _keyed(last, told)
    return replace(deleted, events=[*others, last])


def _keyed(
    event: ObjectChanged | HistoryTrimmed, key: RequestKey | None
) -> ObjectChanged | HistoryTrimmed:
    return replace(event, cause=replace(event.cause, key=key))


class MadeBefore:
    """Finds on the log what was made before, for the answer to be told again."""

    def __init__(self, log: Log, read_model: ReadModel) -> None:
        self._log = log
        self._read_model = read_model

    async def outcome(self, step: Step, made: AlreadyMade) -> ObjectChanged | Deleted:
        """What the step came to. Raises `Unavailable` where the log does not answer."""
        if not isinstance(made.outcome, MadeAt):
            return made.outcome
        events = await self._events(made.outcome)
        last = events[-1]
        if isinstance(last, ObjectChanged) and not isinstance(step, DeleteMany):
            return last
        return Deleted(
            events=(),
            tombstones=[gone for event in events for gone in await self._tombstones(event)],
            list_at=last.last_modified if isinstance(last, ObjectChanged) else last.stream_at,
            next_token=made.outcome.next_token,
        )

    async def _events(self, at: MadeAt) -> Sequence[ObjectChanged | HistoryTrimmed]:
        first, last = at.last.offset - at.events + 1, at.last
        start = Start(offset=Offset(first), claim=at.claim)
        found: list[ObjectChanged | HistoryTrimmed] = []
        try:
            async with asyncio.timeout(LOG_TIMEOUT_S):
                reader = await self._log.reader({last.partition: start})
                try:
                    while reader.positions()[last.partition].offset <= last.offset:
                        entries = await reader.read(wait_s=READ_WAIT_S, entries_max=at.events)
                        found += [
                            each.content
                            for each in entries
                            if isinstance(each.content, ObjectChanged | HistoryTrimmed)
                            and each.position.offset <= last.offset
                        ]
                finally:
                    await reader.close()
        except (LogUnavailable, TimeoutError) as error:
            raise Unavailable(f"the log does not tell what was made: {error!r}") from error
        return found

    async def _tombstones(self, event: ObjectChanged | HistoryTrimmed) -> Sequence[JsonObject]:
        """What is left of what the event tells the end of."""
        if isinstance(event, ObjectChanged):
            return [event.after.data]
        return await self._read_model.tombstones_of_entries(event)
