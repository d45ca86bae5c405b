"""What a message of a type is made of, as JSON Schema (2020-12), in each format and shape.

The schemas are as narrow as the messages: every member is there, and no other. Tests hold each
message that is made against them.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

import orjson

from muniment.domain.addresses import BucketId, Kind
from muniment.domain.events import Action, Report
from muniment.domain.values import JsonObject, JsonValue, Timestamp
from muniment.domain.webhooks.fields import Fields
from muniment.domain.webhooks.selection import EVENT_TYPES
from muniment.domain.webhooks.spec import Form, Format, Shape, State
from muniment.log.protocol import Offset, Partition, Position
from muniment.webhooks.catalogue.ways import Way, ways_of
from muniment.webhooks.message import API_PREFIX, COCOBASE_TYPES, body_of
from muniment.webhooks.samples import NOWHERE, PING, sample_event

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TYPES: Final = (*EVENT_TYPES, PING)
"""All types of messages: those of events, and the one that tells of none."""

_EXAMPLE_AT: Final = Timestamp(1_795_251_845_123)
_EXAMPLE_BUCKET: Final = BucketId("atlas")
_EXAMPLE_WEBHOOK: Final = "billing"
_EXAMPLE_POSITION: Final = Position(Partition(3), Offset(1041))
_EXAMPLE_FIELDS: Final = Fields(((("name",), ("title",)), (("about", "note"), ("note",))))
_EXAMPLES: Final = UUID("9d7c0b2e-54f1-4a7e-8f0f-0d4b7f4f4c11")

_REPORTS: Final[Mapping[Report, str]] = {
    Report.FAILING: "Deliveries to a webhook have begun to fail.",
    Report.DISABLED: "A webhook was disabled, as its receiver said so or failed for too long.",
    Report.RECOVERED: "Deliveries to a webhook succeed again.",
}

_ID: Final = "[a-zA-Z0-9_-]+"
_URIS: Final[Mapping[Kind, str]] = {
    Kind.BUCKET: f"/buckets/{_ID}",
    Kind.GROUP: f"/buckets/{_ID}/groups/{_ID}",
    Kind.COLLECTION: f"/buckets/{_ID}/collections/{_ID}",
    Kind.RECORD: f"/buckets/{_ID}/collections/{_ID}/records/{_ID}",
    Kind.WEBHOOK: f"/buckets/{_ID}/webhooks/{_ID}",
}

_TEXT: Final[JsonObject] = {"type": "string"}
_MOMENT: Final[JsonObject] = {"type": "integer", "minimum": 0}
_NULL: Final[JsonObject] = {"type": "null"}
_TIME: Final[JsonObject] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
    "description": "When the change was decided; the same on every attempt.",
}
_MESSAGE_ID: Final[JsonObject] = {
    "type": "string",
    "pattern": "^evt_[0-9a-f-]{36}$",
    "description": "As in the header `webhook-id`: the same on every attempt.",
}
_CHOSEN: Final[JsonObject] = {
    "type": "object",
    "description": "The fields that the webhook chooses, of those that there are.",
}
_IS_TRUNCATED: Final[JsonObject] = {
    "const": True,
    "description": "The object is too long for a message: read it at its URL.",
}


def description_of(type_: str) -> str:
    """What has happened, in a sentence."""
    kind, done = _parts(type_)
    if type_ == PING:
        return "Nothing has happened: somebody tries the webhook out."
    if done in set(Report):
        return _REPORTS[Report(done)]
    return f"A {kind} was {done}."


@lru_cache(maxsize=len(TYPES))
def schema_of(type_: str) -> JsonObject:
    """What any message of the type looks like, whatever the webhook's format, shape and fields.

    One of `$defs` for each way, by its `part`, has its examples; and those called `data-…` are of
    what a CloudEvent's `data` holds.
    """
    messages: dict[str, JsonValue] = {}
    data: dict[str, JsonValue] = {}
    for way in ways_of(type_):
        data[f"data-{way.name}"] = _told_schema(type_, way)
        messages[way.part] = {
            **_message_schema(type_, way),
            "examples": [example_of(type_, way)],
        }
    return {
        "title": type_,
        "description": description_of(type_),
        "anyOf": [_reference(name) for name in messages],
        "$defs": {**messages, **data},
    }


def example_of(type_: str, way: Way) -> JsonValue:
    """A message of the type, made as those that are delivered."""
    event = sample_event(
        type_,
        _EXAMPLE_BUCKET,
        _EXAMPLE_WEBHOOK,
        event_id=uuid5(_EXAMPLES, type_),
        at=_EXAMPLE_AT,
    )
    fields = _EXAMPLE_FIELDS if way.has_fields else None
    form = Form(format=way.format, shape=way.shape, fields=fields)
    message: JsonValue = orjson.loads(body_of(event, _EXAMPLE_POSITION, form, type_=type_))
    return message


def _message_schema(type_: str, way: Way) -> JsonObject:
    data = _reference(f"data-{way.name}")
    match way.format:
        case Format.STANDARD:
            return _closed({"type": {"const": type_}, "timestamp": _TIME, "data": data})
        case Format.CLOUDEVENTS:
            kind, _ = _parts(type_)
            return _closed(
                {
                    "specversion": {"const": "1.0"},
                    "id": _MESSAGE_ID,
                    "source": {
                        "type": "string",
                        "format": "uri-reference",
                        "pattern": f"^{API_PREFIX}/buckets/{_ID}$",
                    },
                    "type": {"const": f"muniment.{type_}"},
                    "subject": _uri(kind),
                    "time": _TIME,
                    "datacontenttype": {"const": "application/json"},
                    "data": data,
                }
            )
        case Format.COCOBASE:
            return _cocobase_schema(type_, way.shape)


def _told_schema(type_: str, way: Way) -> JsonObject:
    """The member `data`, of which what is too long for a message has the thin part only."""
    kind, _ = _parts(type_)
    thin = _thin(type_)
    if way.shape is Shape.THIN:
        return _closed(thin)
    after = _CHOSEN if way.has_fields else _after(type_, kind)
    before = _before(type_, _CHOSEN if way.has_fields else _object(kind))
    whole = dict(thin)
    match way.shape:
        case Shape.PATCH:
            whole["patch"] = _patch(type_)
        case Shape.FULL:
            whole["data"] = after
        case Shape.FULL_AND_PREVIOUS:
            whole |= {"data": after, "previous": before}
    return {"oneOf": [_closed(whole), _closed({**thin, "is_truncated": _IS_TRUNCATED})]}


def _thin(type_: str) -> dict[str, JsonObject]:
    kind, _ = _parts(type_)
    in_collection = kind in {Kind.COLLECTION, Kind.RECORD}
    return {
        "action": {"const": _action(type_)},
        "uri": _uri(kind),
        "url": {
            "type": "string",
            "pattern": f"^{API_PREFIX}{_URIS[kind]}$",
            "description": "Where the object can be read, on the server that sent the message.",
        },
        "bucket_id": _TEXT,
        "collection_id": _TEXT if in_collection else _NULL,
        "record_id": _TEXT if kind is Kind.RECORD else _NULL,
        "last_modified": {**_MOMENT, "description": "Of the object, after the change."},
        "sequence": {
            **_MOMENT,
            "description": "Greater with each change in the bucket: a smaller one is a repeat.",
        },
        "position": {
            **_closed({"partition": _MOMENT, "offset": {"type": "integer", "minimum": NOWHERE}}),
            "description": "The event's place in the topic; a sample's offset is -1, that of an"
            " object of a snapshot is its `sequence`.",
        },
        "user_id": {
            "type": ["string", "null"],
            "description": "Who asked for the change; null for an anonymous one.",
        },
        "request_id": {"type": "string", "description": "Of the request that asked for it."},
    }


def _cocobase_schema(type_: str, shape: Shape) -> JsonObject:
    kind, done = _parts(type_)
    action = _action(type_)
    in_collection = kind in {Kind.COLLECTION, Kind.RECORD}
    subject = "document" if kind is Kind.RECORD else str(kind)
    message: dict[str, JsonObject] = {
        "event": {"const": f"{subject}.{done}"},
        "collection_id": _TEXT if in_collection else _NULL,
        "document_id": _TEXT if kind is Kind.RECORD else _NULL,
        "timestamp": _TIME,
        "id": _MESSAGE_ID,
        "event_type": {"const": COCOBASE_TYPES[action]},
        "created_at": _TIME,
    }
    if shape is Shape.THIN:
        return _closed(message)
    whole = dict(message)  # There is no place for a patch in this format.
    if shape in {Shape.FULL, Shape.FULL_AND_PREVIOUS}:
        description = "The user's own fields; of what was deleted, the last ones."
        whole["data"] = {"type": "object", "description": description}
    if shape is Shape.FULL_AND_PREVIOUS:
        whole["old_data"] = _NULL if action is Action.CREATED else {"type": ["object", "null"]}
    return {"oneOf": [_closed(whole), _closed({**message, "is_truncated": _IS_TRUNCATED})]}


def _after(type_: str, kind: Kind) -> JsonObject:
    if _action(type_) is Action.DELETED:
        return {
            **_closed({"id": _TEXT, "last_modified": _MOMENT, "deleted": {"const": True}}),
            "description": "The tombstone.",
        }
    return {**_object(kind), "description": "The object after the change."}


def _before(type_: str, state: JsonObject) -> JsonObject:
    if _action(type_) is Action.CREATED:
        return _NULL
    return {
        "anyOf": [state, _NULL],
        "description": "The object before the change; null in a snapshot.",
    }


def _patch(type_: str) -> JsonObject:
    if _action(type_) is Action.DELETED:
        return _NULL
    return {"type": "object", "description": "What changed, as JSON Merge Patch (RFC 7396)."}


def _object(kind: Kind) -> JsonObject:
    """An object of the kind: what the server sees to, beside which the user's fields may be."""
    members: dict[str, JsonObject] = {"id": _TEXT, "last_modified": _MOMENT}
    match kind:
        case Kind.GROUP:
            members["members"] = {"type": "array", "items": _TEXT}
        case Kind.WEBHOOK:
            members["url"] = _TEXT
            members["secrets"] = {"type": "array", "items": {"type": "object"}}
            members["status"] = _closed(
                {"state": {"enum": list(State)}, "since": _MOMENT, "reason": _TEXT}
            )
        case Kind.BUCKET | Kind.COLLECTION | Kind.RECORD:
            pass
    return {"type": "object", "properties": members, "required": list(members)}


def _uri(kind: Kind) -> JsonObject:
    return {"type": "string", "pattern": f"^{_URIS[kind]}$"}


def _parts(type_: str) -> tuple[Kind, str]:
    kind, _, done = type_.partition(".")
    return Kind(kind), done


def _action(type_: str) -> Action:
    _, done = _parts(type_)
    return Action(done) if done in set(Action) else Action.UPDATED


def _closed(members: Mapping[str, JsonObject]) -> JsonObject:
    """An object with these members and no others."""
    required: Sequence[JsonValue] = list(members)
    return {
        "type": "object",
        "properties": members,
        "required": required,
        "additionalProperties": False,
    }


def _reference(name: str) -> JsonObject:
    return {"$ref": f"#/$defs/{name}"}
