"""Messages that tell of nothing that happened: for trying out a receiver, and as examples."""

from collections.abc import Mapping
from typing import Final, assert_never
from uuid import UUID, uuid5

from muniment.domain import addresses
from muniment.domain.addresses import Address, BucketId, Kind
from muniment.domain.events import Action, Cause, EventId, ObjectChanged, Report, Snapshot
from muniment.domain.permissions import NO_PERMISSIONS
from muniment.domain.values import JsonObject, JsonValue, Timestamp, Uid
from muniment.domain.webhooks.spec import State
from muniment.log.protocol import Offset, Position
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.message import body_of

PING: Final = "webhook.ping"
SAMPLE_ID: Final = "sample"
NOWHERE: Final = Offset(-1)
"""A sample is not on the log."""

_BEFORE: Final[Mapping[Kind, JsonObject]] = {
    Kind.BUCKET: {},
    Kind.COLLECTION: {"title": "As it was"},
    Kind.GROUP: {"members": ["basicauth:nadia"]},
    Kind.RECORD: {"title": "As it was", "note": "taken away"},
    Kind.WEBHOOK: {"url": "https://example.org/hook", "secrets": []},
}
_AFTER: Final[Mapping[Kind, JsonObject]] = {
    Kind.BUCKET: {"title": "A sample"},
    Kind.COLLECTION: {"title": "A sample"},
    Kind.GROUP: {"members": ["basicauth:nadia", "basicauth:omar"]},
    Kind.RECORD: {"title": "A sample"},
    Kind.WEBHOOK: {"url": "https://example.org/sample", "secrets": []},
}
_STATES: Final[Mapping[Report, tuple[State, State, str]]] = {
    Report.FAILING: (State.ACTIVE, State.FAILING, "status 503"),
    Report.DISABLED: (State.FAILING, State.DISABLED, "status 503"),
    Report.RECOVERED: (State.FAILING, State.ACTIVE, ""),
}


def sample_of(endpoint: Endpoint, type_: str, *, message_id: str, at: float) -> Delivery:
    """A message of the type as the endpoint would get it, about an object called `sample`."""
    moment = Timestamp(int(at * 1000))
    event = sample_event(
        type_,
        endpoint.bucket_id,
        endpoint.webhook_id or SAMPLE_ID,
        event_id=uuid5(UUID(endpoint.id), f"{type_}/{moment}"),
        at=moment,
    )
    position = Position(endpoint.partition, NOWHERE)
    body = body_of(event, position, endpoint.spec.form, type_=type_)
    return Delivery(
        offset=NOWHERE,
        claim=None,
        key=event.address.uri,
        type=type_,
        message_id=message_id,
        occurred_at=event.occurred_at,
        body=body,
    )


def sample_event(
    type_: str, bucket_id: BucketId, webhook_id: str, *, event_id: UUID, at: Timestamp
) -> ObjectChanged:
    """An event of the type in the bucket; a ping is about the webhook, which stays as it is."""
    kind_text, _, done = type_.partition(".")
    kind = Kind(kind_text)
    address = _address(kind, bucket_id, webhook_id)
    action = Action(done) if done in set(Action) else Action.UPDATED
    report = Report(done) if done in set(Report) else None
    before = _snapshot(address, Timestamp(at - 1000), _data(kind, report, is_before=True, at=at))
    after = _snapshot(address, at, _data(kind, report, is_before=False, at=at))
    if action is Action.DELETED:
        after = _snapshot(address, at, {"deleted": True})
    return ObjectChanged(
        id=EventId(str(event_id)),
        action=action,
        address=address,
        bucket_uid=Uid(str(event_id)),
        collection_uid=None,
        last_modified=at,
        stream_at=at,
        occurred_at=at,
        after=before if type_ == PING else after,
        before=None if action is Action.CREATED else before,
        report=report,
        cause=Cause(actor=None, request_id=SAMPLE_ID),
    )


def _data(kind: Kind, report: Report | None, *, is_before: bool, at: Timestamp) -> JsonObject:
    if kind is not Kind.WEBHOOK:
        return (_BEFORE if is_before else _AFTER)[kind]
    was, became, reason = (State.ACTIVE, State.ACTIVE, "") if report is None else _STATES[report]
    # What the deliveries tell changes the status, and nothing else.
    data = _BEFORE[kind] if is_before or report is not None else _AFTER[kind]
    state = was if is_before else became
    return {**data, "status": {"state": state, "since": at, "reason": reason}}


def _snapshot(address: Address, at: Timestamp, data: JsonObject) -> Snapshot:
    shown: dict[str, JsonValue] = {"id": address.id, "last_modified": at, **data}
    return Snapshot(data=shown, permissions=NO_PERMISSIONS)


def _address(kind: Kind, bucket_id: BucketId, webhook_id: str) -> Address:
    match kind:
        case Kind.BUCKET:
            return addresses.bucket(bucket_id)
        case Kind.GROUP:
            return addresses.group(bucket_id, SAMPLE_ID)
        case Kind.COLLECTION:
            return addresses.collection(bucket_id, SAMPLE_ID)
        case Kind.WEBHOOK:
            return addresses.webhook(bucket_id, webhook_id)
        case Kind.RECORD:
            return addresses.record(bucket_id, SAMPLE_ID, SAMPLE_ID)
        case _:
            assert_never(kind)
