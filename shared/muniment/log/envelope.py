"""The public format of the log: a CloudEvent in Kafka's binary mode for each event.

The owner's appends are encoded here and everything that is read is decoded here. The format is
told to consumers in `docs/events.md`, and held by the golden files under `tests/unit/golden`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, assert_never, cast
from uuid import UUID

import orjson

from muniment.domain.addresses import Address, BucketId, Kind, bucket, parse_uri
from muniment.domain.events import (
    Action,
    Cause,
    Event,
    EventId,
    HistoryTrimmed,
    ObjectChanged,
    PartitionFlushed,
    Report,
    RequestKey,
    Snapshot,
)
from muniment.domain.values import Permissions, Principal, Timestamp, Uid
from muniment.log.protocol import Claim, Offset
from muniment.log.versions import Fields, UnknownVersion, dataschema, upcast

Header: TypeAlias = tuple[str, bytes]

TRIMMED: Final = "muniment.history.trimmed"
FLUSHED: Final = "muniment.store.flushed"
CLAIMED: Final = "muniment.partition.claimed"


class Malformed(Exception):
    """A record that Muniment did not write, or that is no longer whole: nobody guesses at it."""


class Message(NamedTuple):
    """One record as Kafka carries it."""

    key: bytes | None
    """The bucket id; `None` where a record concerns its whole partition."""
    value: bytes
    headers: list[Header]
    timestamp_ms: int | None
    """Kafka's own timestamp of the record; `None` leaves it to the producer."""


class _Change(NamedTuple):
    """What a type of event says of the change."""

    kind: Kind
    action: Action
    report: Report | None = None


def encode(event: Event, claim: Offset) -> Message:
    """The event as it is written under the claim at that offset."""
    key: bytes | None
    match event:
        case ObjectChanged():
            headers = [*_CHANGE_HEADERS[event.type]]
            headers.append(("ce_subject", event.address.uri.encode()))
            key, fields = event.address.bucket_id.encode(), _fields_of_change(event)
        case HistoryTrimmed():
            headers = [*_TRIMMED_HEADERS, ("ce_subject", _history_uri(event.bucket_id).encode())]
            key, fields = event.bucket_id.encode(), _fields_of_trim(event)
        case PartitionFlushed():
            headers = [*_FLUSHED_HEADERS]
            key, fields = None, _fields_of_cause(event.cause)
        case _:
            assert_never(event)
    headers.append(("ce_id", event.id.encode()))
    headers.append(("ce_time", time_text(event.occurred_at).encode()))
    headers.append(("ce_claim", str(claim).encode()))
    if event.cause.traceparent is not None:
        headers.append(("ce_traceparent", event.cause.traceparent.encode()))
    if event.cause.key is not None:
        headers.append(("ce_requestkey", _key_text(event.cause.key).encode()))
    return Message(key, orjson.dumps(fields, default=_plain), headers, event.occurred_at)


def encode_claim(claim: Claim) -> Message:
    """The claim as it is written; it names no claim, since it starts one."""
    fields = {
        "epoch": claim.epoch,
        "producer_id": claim.producer_id,
        "instance_id": claim.instance_id,
        "url": claim.url,
    }
    claim_id = f"{claim.producer_id}.{claim.epoch}".encode()
    headers = [*_CLAIMED_HEADERS, ("ce_id", claim_id)]
    return Message(None, orjson.dumps(fields), headers, None)


def decode(
    key: bytes | None, value: bytes | None, headers: Iterable[Header]
) -> tuple[Offset | None, Event | Claim]:
    """What `encode` or `encode_claim` wrote, and the claim it was written under.

    Raises `Malformed` for anything else: foreign records, later versions, damaged ones.
    """
    named = dict(headers)
    try:
        type_ = named["ce_type"].decode()
        fields = _object(orjson.loads(value or b""))
        schema = named["ce_dataschema"]
        if schema != _DATASCHEMAS[type_]:
            fields = upcast(type_, schema.decode(), fields)
        if type_ == CLAIMED:
            return None, _claim(fields)
        claim = Offset(int(named["ce_claim"]))
        if type_ == TRIMMED:
            return claim, _trimmed(key, named, fields)
        if type_ == FLUSHED:
            return claim, _flushed(named, fields)
        return claim, _change(type_, key, named, fields)
    except (KeyError, ValueError, TypeError, AttributeError, UnknownVersion) as error:
        raise Malformed(f"not a record of this log: {error!r}") from error


# --- From an event -------------------------------------------------------------------------------


def _fields_of_change(event: ObjectChanged) -> Fields:
    fields: Fields = {
        "last_modified": event.last_modified,
        "stream_at": event.stream_at,
        "bucket_uid": event.bucket_uid,
        "collection_uid": event.collection_uid,
        **_fields_of_cause(event.cause),
        "data": event.after.data,
        "permissions": _sorted(event.after.permissions),
        "previous": None,
    }
    if event.after.hidden is not None:
        fields["hidden"] = event.after.hidden
    if event.before is not None:
        fields["previous"] = _fields_before(event.before)
    if event.is_of_project:
        fields["is_of_project"] = True
    if event.records_from is not None:
        fields["records_from"] = event.records_from
    if event.webhook_uid is not None:
        fields["webhook_uid"] = event.webhook_uid
    return fields


def _fields_before(before: Snapshot) -> Fields:
    fields: Fields = {"data": before.data, "permissions": _sorted(before.permissions)}
    if before.hidden is not None:
        fields["hidden"] = before.hidden
    return fields


def _fields_of_trim(event: HistoryTrimmed) -> Fields:
    return {
        "stream_at": event.stream_at,
        "bucket_uid": event.bucket_uid,
        **_fields_of_cause(event.cause),
        "entries": event.entries,
    }


def _history_uri(bucket_id: BucketId) -> str:
    return f"{bucket(bucket_id).uri}/history"


def _fields_of_cause(cause: Cause) -> Fields:
    return {"actor": cause.actor, "request_id": cause.request_id}


def _key_text(key: RequestKey) -> str:
    told = [key.id, key.request, str(key.events)]
    return ".".join(told if key.next_token is None else [*told, key.next_token])


def _sorted(permissions: Permissions) -> dict[str, list[Principal]]:
    return {name: sorted(permissions[name]) for name in sorted(permissions)}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise TypeError(f"not JSON: {value!r}")


# --- To an event ---------------------------------------------------------------------------------


def _change(
    type_: str, key: bytes | None, named: Mapping[str, bytes], fields: Fields
) -> ObjectChanged:
    change = _CHANGES[type_]
    collection_uid, records_from = fields["collection_uid"], fields.get("records_from")
    before, webhook_uid = fields["previous"], fields.get("webhook_uid")
    return ObjectChanged(
        id=EventId(named["ce_id"].decode()),
        action=change.action,
        report=change.report,
        address=_address(change.kind, key, named["ce_subject"].decode()),
        bucket_uid=Uid(_text(fields["bucket_uid"])),
        collection_uid=None if collection_uid is None else Uid(_text(collection_uid)),
        last_modified=_timestamp(fields["last_modified"]),
        stream_at=_timestamp(fields["stream_at"]),
        occurred_at=_milliseconds(named["ce_time"].decode()),
        after=_snapshot(fields),
        before=None if before is None else _snapshot(_object(before)),
        is_of_project=fields.get("is_of_project") is True,
        records_from=None if records_from is None else _timestamp(records_from),
        webhook_uid=None if webhook_uid is None else Uid(_text(webhook_uid)),
        cause=_cause(named, fields),
    )


def _trimmed(key: bytes | None, named: Mapping[str, bytes], fields: Fields) -> HistoryTrimmed:
    bucket_id, entries = BucketId((key or b"").decode()), fields["entries"]
    if named["ce_subject"].decode() != _history_uri(bucket_id):
        raise Malformed("key and subject do not belong together")
    if not isinstance(entries, list) or not entries:
        raise Malformed(f"not a list of entries: {entries!r}")
    return HistoryTrimmed(
        id=EventId(named["ce_id"].decode()),
        bucket_id=bucket_id,
        bucket_uid=Uid(_text(fields["bucket_uid"])),
        entries=tuple(map(_timestamp, cast("list[object]", entries))),
        stream_at=_timestamp(fields["stream_at"]),
        occurred_at=_milliseconds(named["ce_time"].decode()),
        cause=_cause(named, fields),
    )


def _flushed(named: Mapping[str, bytes], fields: Fields) -> PartitionFlushed:
    return PartitionFlushed(
        id=EventId(named["ce_id"].decode()),
        occurred_at=_milliseconds(named["ce_time"].decode()),
        cause=_cause(named, fields),
    )


def _claim(fields: Fields) -> Claim:
    return Claim(
        epoch=_integer(fields["epoch"]),
        producer_id=_integer(fields["producer_id"]),
        instance_id=_text(fields["instance_id"]),
        url=_text(fields["url"]),
    )


def _address(kind: Kind, key: bytes | None, uri: str) -> Address:
    address = parse_uri(uri)
    if address.kind is not kind or address.bucket_id.encode() != key:
        raise Malformed(f"type, key and subject do not belong together: {uri}")
    return address


def _cause(named: Mapping[str, bytes], fields: Fields) -> Cause:
    actor, traceparent = fields["actor"], named.get("ce_traceparent")
    return Cause(
        actor=None if actor is None else Principal(_text(actor)),
        request_id=_text(fields["request_id"]),
        traceparent=None if traceparent is None else traceparent.decode(),
        key=_request_key(named.get("ce_requestkey")),
    )


def _request_key(text: bytes | None) -> RequestKey | None:
    if text is None:
        return None
    id_, request, events, *token = text.decode().split(".")
    if len(token) > 1 or int(events) < 1:
        raise Malformed(f"not the key of a request: {text!r}")
    return RequestKey(
        id=str(UUID(id_)),
        request=str(UUID(request)),
        events=int(events),
        next_token=token[0] if token else None,
    )


def _snapshot(fields: Fields) -> Snapshot:
    permissions = {
        name: frozenset(map(_principal, principals))
        for name, principals in _object(fields["permissions"]).items()
    }
    hidden = fields.get("hidden")
    return Snapshot(
        data=_object(fields["data"]),
        permissions=permissions,
        hidden=None if hidden is None else _object(hidden),
    )


def _principal(value: object) -> Principal:
    return Principal(_text(value))


def _object(value: object) -> Fields:
    if not isinstance(value, dict):
        raise Malformed(f"not a JSON object: {value!r}")
    return cast("Fields", value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed(f"not a text: {value!r}")
    return value


def _timestamp(value: object) -> Timestamp:
    return Timestamp(_integer(value))


def _integer(value: object) -> int:
    if type(value) is not int:  # A JSON `true` is an `int` to `isinstance`.
        raise Malformed(f"not a whole number: {value!r}")
    return value


# --- Times ---------------------------------------------------------------------------------------

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def time_text(at: Timestamp) -> str:
    """Milliseconds since the epoch as `2026-11-21T08:00:00.123Z`."""
    seconds, milliseconds = divmod(at, 1000)
    return f"{_second_text(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=16)
def _second_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()


def _milliseconds(text: str) -> Timestamp:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not UTC:
        raise Malformed(f"not a time in UTC: {text}")
    return Timestamp((moment - _EPOCH) // _MILLISECOND)


# --- Constant headers ----------------------------------------------------------------------------


def _headers_of_type(type_: str) -> tuple[Header, ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/muniment"),
        ("ce_type", type_.encode()),
        ("ce_dataschema", _DATASCHEMAS[type_]),
        ("content-type", b"application/json"),
    )


_CHANGES: Final = {
    f"muniment.{kind}.{action}": _Change(kind, action) for kind in Kind for action in Action
} | {
    f"muniment.{Kind.WEBHOOK}.{report}": _Change(Kind.WEBHOOK, Action.UPDATED, report)
    for report in Report
}
_DATASCHEMAS: Final = {
    type_: dataschema(type_).encode() for type_ in (*_CHANGES, TRIMMED, FLUSHED, CLAIMED)
}
_CHANGE_HEADERS: Final = {
    type_.removeprefix("muniment."): _headers_of_type(type_) for type_ in _CHANGES
}
_TRIMMED_HEADERS: Final = _headers_of_type(TRIMMED)
_FLUSHED_HEADERS: Final = _headers_of_type(FLUSHED)
_CLAIMED_HEADERS: Final = _headers_of_type(CLAIMED)
