"""Where events go: told by the log alone, event by event.

An endpoint is a webhook of the bucket, for as long as it lives, or the URL of one collection
(`webhook:url`) for one stretch of the log. The event that sets such a URL is the first to go to
it; the deletion of the collection is the last; a URL that is changed or taken away ends its stretch
before the event that says so. In a project there is `webhook_url` besides, which is told of
records alone, in the form and by the rules of CocoBase (section 8 of its contract). A webhook's
latest configuration counts for all that has not been sent, whichever was in force when it happened.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NewType, TypeAlias
from uuid import UUID, uuid5

from muniment.domain import addresses
from muniment.domain.addresses import BucketId, CollectionId, Kind
from muniment.domain.events import Action, ObjectChanged
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue, Timestamp, Uid
from muniment.domain.webhooks.parsing import parse_webhook
from muniment.domain.webhooks.selection import Selection, types_matching
from muniment.domain.webhooks.spec import Form, Format, Shape, State, Status, WebhookSpec
from muniment.domain.webhooks.urls import parse_url
from muniment.log.protocol import Offset, Partition, Position

URL_FIELD: Final = "webhook:url"
PROJECT_URL_FIELD: Final = "webhook_url"

EndpointId = NewType("EndpointId", str)
"""A UUID: of the webhook's life, or of the event that set a collection's URL, or made of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionUrl:
    """Whose URL an endpoint is."""

    uid: Uid
    id: CollectionId
    url: str
    field: str = URL_FIELD
    """Where it is in the collection's data."""


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
        if isinstance(source, Webhook):
            return source.id
        is_plain = source.field == URL_FIELD
        return f"collections/{source.id}" if is_plain else f"collections/{source.id}/{source.field}"

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
            return event.collection_uid == source.uid and event.address.kind in _KINDS[source.field]
        return event.bucket_uid == self.bucket_uid and self.spec.selection.wants(event)


_KINDS: Final[Mapping[str, frozenset[Kind]]] = {
    URL_FIELD: frozenset({Kind.COLLECTION, Kind.RECORD}),
    PROJECT_URL_FIELD: frozenset({Kind.RECORD}),
}
_ACTIVE: Final = Status(state=State.ACTIVE, since=Timestamp(0))
_ALL_OF_COLLECTIONS: Final = Selection(types=types_matching(("collection.*", "record.*")))
_ALL_OF_RECORDS: Final = Selection(types=types_matching(("record.*",)))

_PROJECT_TIMEOUT_S: Final = 10.0
_PROJECT_SCHEDULE_S: Final = (0, 1, 5, 30, 120, 600, 1_800, 7_200, 21_600, 86_400)
_PROJECT_BODY_BYTES_MAX: Final = 32 * 1024 * 1024
"""More than an event can have: receivers are told all of a document."""


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
        self._by_collection: dict[Uid, dict[str, Endpoint]] = {}
        """The URLs of each, by the field that they are in."""
        self._by_bucket: dict[Uid, dict[EndpointId, Endpoint]] = {}

    def restore(self, endpoints: Iterable[Endpoint]) -> None:
        """Begin with those that are written down."""
        for endpoint in endpoints:
            self._put(endpoint)

    def concerned(self, event: ObjectChanged) -> Sequence[Endpoint]:
        """The endpoints that an event goes to."""
        # Most events are of records whose collection has no endpoint: two look-ups each.
        uid = event.collection_uid
        urls = None if uid is None else self._by_collection.get(uid)
        webhooks = self._by_bucket.get(event.bucket_uid)
        if urls is None and webhooks is None:
            return ()
        candidates = chain((urls or {}).values(), (webhooks or {}).values())
        return [endpoint for endpoint in candidates if endpoint.wants(event)]

    def turns(self, event: ObjectChanged, position: Position) -> Iterator[Turn]:
        """What a change means for endpoints; called in log order."""
        match event.address.kind:
            case Kind.COLLECTION if event.collection_uid is not None:
                for field in (URL_FIELD, PROJECT_URL_FIELD):
                    yield from self._turns_of_url(event, event.collection_uid, field, position)
            case Kind.WEBHOOK:
                yield from self._turns_of_webhook(event, position)
            case Kind.BUCKET if event.action is Action.DELETED:
                for endpoint in [e for e in self._urls if e.bucket_uid == event.bucket_uid]:
                    yield self._end(endpoint, position.offset)
                for endpoint in list(self._by_bucket.get(event.bucket_uid, {}).values()):
                    yield self._end(endpoint, None)
            case _:
                return

    def drop_partition(self, partition: Partition) -> None:
        """Forget the endpoints of all buckets of a partition."""
        webhooks = [e for each in self._by_bucket.values() for e in each.values()]
        for endpoint in [*self._urls, *webhooks]:
            if endpoint.partition == partition:
                self._drop(endpoint)

    @property
    def _urls(self) -> Sequence[Endpoint]:
        return [endpoint for each in self._by_collection.values() for endpoint in each.values()]

    def _turns_of_url(
        self, event: ObjectChanged, uid: Uid, field: str, position: Position
    ) -> Iterator[Turn]:
        current = self._by_collection.get(uid, {}).get(field)
        if event.action is Action.DELETED:
            if current is not None:
                yield self._end(current, Offset(position.offset + 1))
            return
        value = event.after.data.get(field) if _may_have(event, field) else None
        url = parse_url(value)
        if url is None and value is not None and value != _before(event, field):
            yield Ignored(reason=f"not a URL that can be called: {field}")
        if current is not None and current.url == url:
            return
        if current is not None:
            yield self._end(current, position.offset)
        if url is not None:
            id_ = CollectionId(event.address.id)
            source = CollectionUrl(uid=uid, id=id_, url=url, field=field)
            spec = url_spec(url, field)
            endpoint = _endpoint(event, _id_of_url(event, field), position, source, spec)
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
            urls = self._by_collection.setdefault(endpoint.source.uid, {})
            urls[endpoint.source.field] = endpoint
        else:
            self._by_bucket.setdefault(endpoint.bucket_uid, {})[endpoint.id] = endpoint

    def _drop(self, endpoint: Endpoint) -> None:
        if isinstance(endpoint.source, CollectionUrl):
            urls = self._by_collection[endpoint.source.uid]
            del urls[endpoint.source.field]
            if not urls:
                del self._by_collection[endpoint.source.uid]
            return
        webhooks = self._by_bucket[endpoint.bucket_uid]
        del webhooks[endpoint.id]
        if not webhooks:
            del self._by_bucket[endpoint.bucket_uid]

    def _end(self, endpoint: Endpoint, ends_at: Offset | None) -> Ended:
        self._drop(endpoint)
        return Ended(endpoint=endpoint, ends_at=ends_at)


def url_spec(url: str, field: str = URL_FIELD) -> WebhookSpec:
    """How a collection's URL is delivered to: a webhook with nothing but defaults, or CocoBase's.

    Of CocoBase's no time of failing ends the endpoint: its users could not begin it again.
    """
    if field == URL_FIELD:
        return WebhookSpec(url=url, selection=_ALL_OF_COLLECTIONS, status=_ACTIVE)
    return WebhookSpec(
        url=url,
        selection=_ALL_OF_RECORDS,
        status=_ACTIVE,
        form=Form(
            shape=Shape.FULL_AND_PREVIOUS,
            format=Format.COCOBASE,
            bytes_max=_PROJECT_BODY_BYTES_MAX,
        ),
        timeout_s=_PROJECT_TIMEOUT_S,
        retry_schedule_s=_PROJECT_SCHEDULE_S,
        disable_after_s=math.inf,
        drops_refused=True,
    )


def _may_have(event: ObjectChanged, field: str) -> bool:
    """An empty text takes a project's URL away."""
    return field == URL_FIELD or (event.is_of_project and event.after.data.get(field) != "")


def _id_of_url(event: ObjectChanged, field: str) -> EndpointId:
    """One event may set both."""
    is_plain = field == URL_FIELD
    return EndpointId(event.id if is_plain else str(uuid5(UUID(event.id), field)))


def _before(event: ObjectChanged, field: str) -> JsonValue:
    return event.before.data.get(field) if event.before is not None else None


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
