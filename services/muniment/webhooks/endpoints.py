"""Where events go: told by the log alone, event by event.

An endpoint is a webhook of the bucket, for as long as it lives, or the URL of one collection
(`webhook:url`) for one stretch of the log. The event that sets such a URL is the first to go to
it; the deletion of the collection is the last; a URL that is changed or taken away ends its stretch
before the event that says so. A webhook's latest configuration counts for all that has not been
sent, whichever was in force when it happened.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NewType, TypeAlias

from muniment.domain import addresses
from muniment.domain.addresses import BucketId, CollectionId, Kind
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue, Timestamp, Uid
from muniment.domain.webhooks.parsing import parse_webhook
from muniment.domain.webhooks.selection import Selection, types_matching
from muniment.domain.webhooks.spec import State, Status, WebhookSpec
from muniment.domain.webhooks.urls import parse_url
from muniment.log.protocol import Offset, Partition, Position

URL_FIELD: Final = "webhook:url"

EndpointId = NewType("EndpointId", str)
"""A UUID: of the webhook's life, or of the event that set a collection's URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionUrl:
    """Whose `webhook:url` an endpoint is."""

    uid: Uid
    id: CollectionId
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """The webhook that an endpoint is."""

    id: str
    data: JsonObject
    """As it lies on the log: secrets are sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """See the module."""

    id: EndpointId
    partition: Partition
    opened_at: Offset
    """Of the event that made it."""
    bucket_uid: Uid
    bucket_id: BucketId
    source: CollectionUrl | Webhook
    revision: Timestamp
    """The `last_modified` of what `source` was read from."""
    spec: WebhookSpec

    @property
    def url(self) -> str:
        return self.spec.url

    @property
    def name(self) -> str:
        """The id within the bucket: of the webhook, or of the collection as `collections/…`."""
        source = self.source
        return source.id if isinstance(source, Webhook) else f"collections/{source.id}"

    @property
    def uri(self) -> str:
        """Of the object that says where to deliver to."""
        source = self.source
        if isinstance(source, CollectionUrl):
            return addresses.collection(self.bucket_id, source.id).uri
        return addresses.webhook(self.bucket_id, source.id).uri

    @property
    def webhook_id(self) -> str | None:
        return self.source.id if isinstance(self.source, Webhook) else None

    @property
    def collection_id(self) -> CollectionId | None:
        return self.source.id if isinstance(self.source, CollectionUrl) else None

    def wants(self, event: ObjectChanged) -> bool:
        """Whether an event of the endpoint's partition goes to it."""
        source = self.source
        if isinstance(source, CollectionUrl):
            return event.collection_uid == source.uid and event.address.kind in _OF_COLLECTIONS
        return event.bucket_uid == self.bucket_uid and self.spec.selection.wants(event)


_OF_COLLECTIONS: Final = frozenset({Kind.COLLECTION, Kind.RECORD})
_ACTIVE: Final = Status(state=State.ACTIVE, since=Timestamp(0))
_ALL_OF_COLLECTIONS: Final = Selection(types=types_matching(("collection.*", "record.*")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """There is a new endpoint; a collection's URL begins with the event that set it."""

    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A webhook says something else now."""

    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The endpoint gets nothing from `ends_at` on; `None`: nothing at all any more."""

    endpoint: Endpoint
    ends_at: Offset | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A value that is no configuration: of `webhook:url`, or of a webhook from other times."""

    reason: str


Turn: TypeAlias = Opened | Changed | Ended | Ignored


class Directory:
    """The endpoints in force at the place that the reading of the log has come to."""

    def __init__(self) -> None:
        self._by_collection: dict[Uid, Endpoint] = {}
        self._by_bucket: dict[Uid, dict[EndpointId, Endpoint]] = {}

    def restore(self, endpoints: Iterable[Endpoint]) -> None:
        """Begin with those that are written down."""
        for endpoint in endpoints:
            self._put(endpoint)

    def concerned(self, event: ObjectChanged) -> Sequence[Endpoint]:
        """The endpoints that an event goes to."""
        # Most events are of records whose collection has no endpoint: two look-ups each.
        uid = event.collection_uid
        url = None if uid is None else self._by_collection.get(uid)
        webhooks = self._by_bucket.get(event.bucket_uid)
        if webhooks is None:
            return () if url is None else (url,)
        found = [endpoint for endpoint in webhooks.values() if endpoint.wants(event)]
        return found if url is None else [url, *found]

    def turns(self, event: ObjectChanged, position: Position) -> Iterator[Turn]:
        """What a change means for endpoints; called in log order."""
        match event.address.kind:
            case Kind.COLLECTION if event.collection_uid is not None:
                yield from self._turns_of_collection(event, event.collection_uid, position)
            case Kind.WEBHOOK:
                yield from self._turns_of_webhook(event, position)
            case Kind.BUCKET if event.action is Action.DELETED:
                urls = self._by_collection.values()
                for endpoint in [e for e in urls if e.bucket_uid == event.bucket_uid]:
                    yield self._end(endpoint, position.offset)
                for endpoint in list(self._by_bucket.get(event.bucket_uid, {}).values()):
                    yield self._end(endpoint, None)
            case _:
                return

    def drop_partition(self, partition: Partition) -> None:
        """Forget the endpoints of all buckets of a partition."""
        webhooks = [e for each in self._by_bucket.values() for e in each.values()]
        for endpoint in [*self._by_collection.values(), *webhooks]:
            if endpoint.partition == partition:
                self._drop(endpoint)

    def _turns_of_collection(
        self, event: ObjectChanged, uid: Uid, position: Position
    ) -> Iterator[Turn]:
        current = self._by_collection.get(uid)
        if event.action is Action.DELETED:
            if current is not None:
                yield self._end(current, Offset(position.offset + 1))
            return
        value = event.after.data.get(URL_FIELD)
        url = parse_url(value)
        if url is None and value is not None and value != _before(event):
            yield Ignored(reason=f"not a URL that can be called: {URL_FIELD}")
        if current is not None and current.url == url:
            return
        if current is not None:
            yield self._end(current, position.offset)
        if url is not None:
            source = CollectionUrl(uid=uid, id=CollectionId(event.address.id), url=url)
            endpoint = _endpoint(event, EndpointId(event.id), position, source, url_spec(url))
            self._put(endpoint)
            yield Opened(endpoint=endpoint)

    def _turns_of_webhook(self, event: ObjectChanged, position: Position) -> Iterator[Turn]:
        id_ = EndpointId(event.webhook_uid or event.id)
        current = self._by_bucket.get(event.bucket_uid, {}).get(id_)
        if event.action is Action.DELETED:
            if current is not None:
                yield self._end(current, None)
            return
        source = Webhook(id=event.address.id, data=event.after.data)
        spec = parse_webhook(event.after.data)
        if not isinstance(spec, WebhookSpec):
            yield Ignored(reason=_reasons(spec))
            return
        if current is None:
            endpoint = _endpoint(event, id_, position, source, spec)
            self._put(endpoint)
            yield Opened(endpoint=endpoint)
            return
        at = Position(position.partition, current.opened_at)
        endpoint = _endpoint(event, id_, at, source, spec)
        self._put(endpoint)
        yield Changed(endpoint=endpoint)

    def _put(self, endpoint: Endpoint) -> None:
        if isinstance(endpoint.source, CollectionUrl):
            self._by_collection[endpoint.source.uid] = endpoint
        else:
            self._by_bucket.setdefault(endpoint.bucket_uid, {})[endpoint.id] = endpoint

    def _drop(self, endpoint: Endpoint) -> None:
        if isinstance(endpoint.source, CollectionUrl):
            del self._by_collection[endpoint.source.uid]
            return
        webhooks = self._by_bucket[endpoint.bucket_uid]
        del webhooks[endpoint.id]
        if not webhooks:
            del self._by_bucket[endpoint.bucket_uid]

    def _end(self, endpoint: Endpoint, ends_at: Offset | None) -> Ended:
        self._drop(endpoint)
        return Ended(endpoint=endpoint, ends_at=ends_at)


def url_spec(url: str) -> WebhookSpec:
    """How a collection's URL is delivered to: a webhook with nothing but defaults."""
    return WebhookSpec(url=url, selection=_ALL_OF_COLLECTIONS, status=_ACTIVE)


def _before(event: ObjectChanged) -> JsonValue:
    return event.before.data.get(URL_FIELD) if event.before is not None else None


def _endpoint(
    event: ObjectChanged,
    id_: EndpointId,
    opened: Position,
    source: CollectionUrl | Webhook,
    spec: WebhookSpec,
) -> Endpoint:
    return Endpoint(
        id=id_,
        partition=opened.partition,
        opened_at=opened.offset,
        bucket_uid=event.bucket_uid,
        bucket_id=event.address.bucket_id,
        source=source,
        revision=event.last_modified,
        spec=spec,
    )


def _reasons(faults: Iterable[Fault]) -> str:
    return "; ".join(f"{fault.name}: {fault.description}" for fault in faults)
