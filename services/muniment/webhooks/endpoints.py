"""Which URL a collection's events go to: told by the log alone, event by event.

An endpoint is one URL of one collection for one stretch of the log. The event that sets a URL is
the first to go to it; the deletion of the collection is the last. A URL that is changed or taken
away ends its stretch before the event that says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from muniment.domain.addresses import BucketId, CollectionId, Kind
from muniment.domain.events import Action, EventId, ObjectChanged
from muniment.domain.values import JsonValue, Uid
from muniment.domain.webhooks.urls import parse_url
from muniment.log.protocol import Offset, Partition, Position

URL_FIELD: Final = "webhook:url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A URL, and from where on it counts; `id` is that of the event that set it."""

    id: EventId
    partition: Partition
    starts_at: Offset
    bucket_uid: Uid
    collection_uid: Uid
    bucket_id: BucketId
    collection_id: CollectionId
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """From this event on, itself included, the collection's events go to the endpoint."""

    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The endpoint gets nothing from `ends_at` on."""

    endpoint: Endpoint
    ends_at: Offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """The value of `webhook:url` is none that can be called."""

    value: JsonValue


Turn = Opened | Ended | Ignored


class Directory:
    """The endpoints in force at the place that the reading of the log has come to."""

    def __init__(self, endpoints: Iterable[Endpoint] = ()) -> None:
        self._current = {endpoint.collection_uid: endpoint for endpoint in endpoints}

    def turns(self, event: ObjectChanged, position: Position) -> Iterator[Turn]:
        """What a change of a bucket or collection means for endpoints; called in log order."""
        match event.address.kind:
            case Kind.COLLECTION if event.collection_uid is not None:
                yield from self._turns_of_collection(event, event.collection_uid, position)
            case Kind.BUCKET if event.action is Action.DELETED:
                inside = [e for e in self._current.values() if e.bucket_uid == event.bucket_uid]
                yield from (self._end(e, position.offset) for e in inside)
            case _:
                return

    def drop_partition(self, partition: Partition) -> None:
        """Forget the endpoints of all buckets of a partition."""
        kept = {uid: e for uid, e in self._current.items() if e.partition != partition}
        self._current = kept

    def _turns_of_collection(
        self, event: ObjectChanged, uid: Uid, position: Position
    ) -> Iterator[Turn]:
        current = self._current.get(uid)
        if event.action is Action.DELETED:
            if current is not None:
                yield self._end(current, Offset(position.offset + 1))
            return
        value = event.after.data.get(URL_FIELD)
        url = parse_url(value)
        if url is None and value is not None and value != _before(event):
            yield Ignored(value=value)
        if current is not None and current.url == url:
            return
        if current is not None:
            yield self._end(current, position.offset)
        if url is not None:
            self._current[uid] = _endpoint(event, uid, url, position)
            yield Opened(endpoint=self._current[uid])

    def _end(self, endpoint: Endpoint, ends_at: Offset) -> Ended:
        del self._current[endpoint.collection_uid]
        return Ended(endpoint=endpoint, ends_at=ends_at)


def _before(event: ObjectChanged) -> JsonValue:
    return event.before.data.get(URL_FIELD) if event.before is not None else None


def _endpoint(event: ObjectChanged, uid: Uid, url: str, position: Position) -> Endpoint:
    return Endpoint(
        id=event.id,
        partition=position.partition,
        starts_at=position.offset,
        bucket_uid=event.bucket_uid,
        collection_uid=uid,
        bucket_id=event.address.bucket_id,
        collection_id=CollectionId(event.address.id),
        url=url,
    )
