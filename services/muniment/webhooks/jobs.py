"""What people ask of the dispatcher: a part of the log again, or one message at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, NewType, TypeAlias, assert_never

from muniment.domain.addresses import BucketId
from muniment.domain.events import ObjectChanged
from muniment.domain.values import JsonValue, Timestamp
from muniment.domain.webhooks.filters import parse_filter
from muniment.domain.webhooks.selection import Selection
from muniment.domain.webhooks.values import Wrong
from muniment.log.protocol import Offset, Partition
from muniment.webhooks.endpoints import EndpointId

JobId = NewType("JobId", str)
"""A UUID."""


class JobKind(StrEnum):
    REPLAY = "replay"
    """A part of the log."""
    SNAPSHOT = "snapshot"
    """Each object as it was at one moment."""
    SEND = "send"
    """One message, made up or of the past, at once and once."""


class JobState(StrEnum):
    WAITING = "waiting"
    """Nobody has looked at it."""
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"
    FAILED = "failed"


class Ask(StrEnum):
    """What is wanted of a job that runs."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Which part of the log goes out again, of what the endpoint wants; bounds as they are told."""

    first: Offset
    end: Offset
    """The first that is not part of it."""
    selection: Selection | None = None
    """Narrows what the endpoint wants; `None` for all of that."""
    sequence_min: Timestamp | None = None
    sequence_end: Timestamp | None = None
    occurred_from: Timestamp | None = None
    occurred_before: Timestamp | None = None
    messages: frozenset[str] | None = None
    """Only these, by `webhook-id`."""
    rate: float | None = None
    """Events a second."""

    def wants(self, event: ObjectChanged, message_id: str) -> bool:
        """Whether the event is part of what was asked for."""
        if self.messages is not None and message_id not in self.messages:
            return False
        if self.sequence_min is not None and event.stream_at < self.sequence_min:
            return False
        if self.sequence_end is not None and event.stream_at >= self.sequence_end:
            return False
        if self.occurred_from is not None and event.occurred_at < self.occurred_from:
            return False
        if self.occurred_before is not None and event.occurred_at >= self.occurred_before:
            return False
        return self.selection is None or self.selection.wants(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Each object of what the endpoint wants, as it was at one moment of the bucket's clock."""

    as_of: Timestamp
    selection: Selection | None = None
    """Narrows what the endpoint wants; `None` for all of that."""
    rate: float | None = None
    """Events a second."""

    def wants(self, event: ObjectChanged) -> bool:
        """Whether the object is part of what was asked for."""
        return self.selection is None or self.selection.wants(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One message to be sent at once and once: of an event on the log, or a made-up one."""

    type: str
    offset: Offset | None = None
    """Of the event; `None` for a made-up one."""


Work: TypeAlias = Replay | Snapshot | Send


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is kept."""

    id: JobId
    endpoint_id: EndpointId
    partition: Partition
    bucket_id: BucketId
    webhook_id: str
    kind: JobKind
    state: JobState
    asked: Ask | None
    work: Work

    @property
    def stretch(self) -> "Stretch":
        """What the lane of the job reads."""
        match self.work:
            case Replay() as replay:
                return Stretch(replay.first, replay.end, replay.rate)
            case Snapshot() as snapshot:
                return Stretch(Offset(0), Offset(snapshot.as_of + 1), snapshot.rate)
            case Send():
                return Stretch(Offset(0), Offset(0), None)
            case _:
                assert_never(self.work)


class Stretch(NamedTuple):
    """A part of the log, or of a bucket's past by its clock."""

    first: Offset
    end: Offset
    """The first that is not part of it."""
    rate: float | None
    """Events a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """What a commit writes of a job; counts are added to those that are kept."""

    id: JobId
    state: JobState
    at_offset: Offset | None = None
    delivered: int = 0
    dead: int = 0
    result: Mapping[str, JsonValue] | None = None
    has_heard: bool = False
    """What was asked of the job is done."""


def parse_work(kind: JobKind, spec: Mapping[str, Any]) -> Work:
    """What `spec_of` wrote."""
    match kind:
        case JobKind.REPLAY:
            messages = spec.get("messages")
            return Replay(
                first=Offset(spec["first"]),
                end=Offset(spec["end"]),
                selection=_parse_selection(spec.get("selection")),
                sequence_min=spec.get("sequence_min"),
                sequence_end=spec.get("sequence_end"),
                occurred_from=spec.get("occurred_from"),
                occurred_before=spec.get("occurred_before"),
                messages=None if messages is None else frozenset(messages),
                rate=spec.get("rate"),
            )
        case JobKind.SNAPSHOT:
            return Snapshot(
                as_of=Timestamp(spec["as_of"]),
                selection=_parse_selection(spec.get("selection")),
                rate=spec.get("rate"),
            )
        case JobKind.SEND:
            return Send(type=spec["type"], offset=spec.get("offset"))
        case _:
            assert_never(kind)


def spec_of(work: Work) -> dict[str, JsonValue]:
    """The work as JSON."""
    fields: dict[str, Any] = {
        name: getattr(work, name) for name in work.__slots__ if getattr(work, name) is not None
    }
    if isinstance(work, Replay) and work.messages is not None:
        fields["messages"] = sorted(work.messages)
    if not isinstance(work, Send) and work.selection is not None:
        fields["selection"] = _selection_spec(work.selection)
    return fields


def _parse_selection(spec: Mapping[str, Any] | None) -> Selection | None:
    if spec is None:
        return None
    collections, records, text = spec.get("collections"), spec.get("records"), spec.get("filter")
    found = None if text is None else parse_filter(text)
    if isinstance(found, Wrong):
        # It was taken once, so it is this program that has changed: tell nothing rather than all.
        return Selection(types=frozenset())
    return Selection(
        types=frozenset(spec["types"]),
        collections=None if collections is None else tuple(collections),
        records=None if records is None else tuple(records),
        filter=found,
    )


def _selection_spec(selection: Selection) -> dict[str, JsonValue]:
    return {
        "types": sorted(selection.types),
        "collections": selection.collections,
        "records": selection.records,
        "filter": None if selection.filter is None else selection.filter.text,
    }
