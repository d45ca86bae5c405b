"""A past that really happened: commands decided by the core, projected into a read model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from muniment.domain.addresses import BucketId, bucket
from muniment.domain.commands import Command
from muniment.domain.events import Cause, Event, EventId, HistoryTrimmed, ObjectChanged
from muniment.domain.moments import Moment
from muniment.domain.states import Present
from muniment.domain.values import Principal, Timestamp
from muniment.log.protocol import Claim, Entry, Offset, Partition, Position, Start
from muniment.projector.projector import Projector
from muniment.readmodel.projection.recording import Recording
from tests.support.deciding import NOW, World
from tests.support.projecting import log_of

CLAIM = Claim(epoch=0, producer_id=7, instance_id="one", url="http://one:8888")


@dataclass(slots=True)
class Past:
    """Commands happen one second after another, the first at `NOW`."""

    world: World = field(default_factory=World)
    events: list[Event] = field(default_factory=list[Event])
    now: int = NOW

    def happens(self, *commands: Command) -> ObjectChanged:
        """Decide the commands, each of which must change something; answer the last change."""
        for command in commands:
            number = len(self.events) + 1
            moment = Moment(now=Timestamp(self.now), event_id=EventId(str(UUID(int=number))))
            event = self.world.run(command, moment)
            assert isinstance(event, ObjectChanged), event
            self.events.append(event)
            self.now += 1_000
        return self.world.events[-1]

    def trims(self, *entries: ObjectChanged, bucket_id: str = "atlas") -> HistoryTrimmed:
        """Remove what the history has of some changes."""
        life = self.world.states[bucket(bucket_id).uri]
        assert isinstance(life, Present)
        assert life.uid is not None
        number = len(self.events) + 1
        event = HistoryTrimmed(
            id=EventId(str(UUID(int=number))),
            bucket_id=BucketId(bucket_id),
            bucket_uid=life.uid,
            entries=tuple(entry.stream_at for entry in entries),
            stream_at=Timestamp(self.now + len(entries)),
            occurred_at=Timestamp(self.now),
            cause=Cause(actor=Principal("account:nadia"), request_id="trim"),
        )
        self.events.append(event)
        self.now += 1_000
        return event

    @property
    def entries(self) -> Sequence[Entry]:
        """The log, on one partition."""
        claim = Entry(position=_position(0), claim=None, content=CLAIM)
        return [
            claim,
            *(
                Entry(position=_position(number), claim=Offset(0), content=event)
                for number, event in enumerate(self.events, start=1)
            ),
        ]

    async def project(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        *,
        recording: Recording | None = None,
        at_once: int = 1_000,
    ) -> None:
        """Bring all of it into the read model that the connection is of."""
        entries = self.entries
        projector = Projector(
            log=log_of(entries),
            connection=connection,
            instance_id="test",
            entries_max=at_once,
            recording=recording or Recording(),
        )
        await projector.open()
        for begin in range(0, len(entries), at_once):
            batch = entries[begin : begin + at_once]
            end = Start(offset=Offset(begin + len(batch)), claim=Offset(0))
            await projector.project(batch, {Partition(0): end})


def _position(number: int) -> Position:
    return Position(Partition(0), Offset(number))
