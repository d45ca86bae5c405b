"""Messages that tell of nothing that happened: for trying out a receiver."""

from typing import Final, assert_never
from uuid import UUID, uuid5

from muniment.domain import addresses
from muniment.domain.addresses import Address, Kind
from muniment.domain.events import Action, Cause, EventId, ObjectChanged, Snapshot
from muniment.domain.permissions import NO_PERMISSIONS
from muniment.domain.values import JsonValue, Timestamp, Uid
from muniment.log.protocol import Offset, Position
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.message import body_of

PING: Final = "webhook.ping"
SAMPLE_ID: Final = "sample"


def sample_of(endpoint: Endpoint, type_: str, *, message_id: str, at: float) -> Delivery:
    """A message of the type as the endpoint would get it, about an object called `sample`."""
    event = _event(endpoint, type_, Timestamp(int(at * 1000)))
    offset = Offset(-1)
    body = body_of(
        event,
        Position(endpoint.partition, offset),
        shape=endpoint.spec.shape,
        format_=endpoint.spec.format,
        type_=type_,
    )
    return Delivery(
        offset=offset,
        claim=None,
        key=event.address.uri,
        type=type_,
        message_id=message_id,
        occurred_at=event.occurred_at,
        body=body,
    )


def _event(endpoint: Endpoint, type_: str, at: Timestamp) -> ObjectChanged:
    kind_text, _, action_text = type_.partition(".")
    address = _address(endpoint, Kind(kind_text))
    action = Action(action_text) if action_text in set(Action) else Action.UPDATED
    data: dict[str, JsonValue] = {"id": address.id, "last_modified": at}
    now = Snapshot(data={**data, "title": "A sample"}, permissions=NO_PERMISSIONS)
    before = Snapshot(data={**data, "title": "As it was"}, permissions=NO_PERMISSIONS)
    gone = Snapshot(data={**data, "deleted": True}, permissions=NO_PERMISSIONS)
    return ObjectChanged(
        id=EventId(str(uuid5(UUID(endpoint.id), f"{type_}/{at}"))),
        action=action,
        address=address,
        bucket_uid=endpoint.bucket_uid,
        collection_uid=Uid(endpoint.id) if kind_text in {"record", "collection"} else None,
        last_modified=at,
        stream_at=at,
        occurred_at=at,
        after=gone if action is Action.DELETED else now,
        before=None if action is Action.CREATED else before,
        cause=Cause(actor=None, request_id=SAMPLE_ID),
    )


def _address(endpoint: Endpoint, kind: Kind) -> Address:
    bucket_id = endpoint.bucket_id
    match kind:
        case Kind.BUCKET:
            return addresses.bucket(bucket_id)
        case Kind.GROUP:
            return addresses.group(bucket_id, SAMPLE_ID)
        case Kind.COLLECTION:
            return addresses.collection(bucket_id, SAMPLE_ID)
        case Kind.WEBHOOK:
            return addresses.webhook(bucket_id, endpoint.webhook_id or SAMPLE_ID)
        case Kind.RECORD:
            return addresses.record(bucket_id, SAMPLE_ID, SAMPLE_ID)
        case _:
            assert_never(kind)
