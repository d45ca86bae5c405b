"""The schemas of webhooks and of their keys."""

from collections.abc import Mapping
from typing import Final

from muniment.domain.values import JsonObject
from muniment.domain.webhooks.fields import FIELDS_MAX, PATH_CHARS_MAX
from muniment.domain.webhooks.key_rings import OVERLAP_S_MAX
from muniment.domain.webhooks.parsing import (
    BATCH_EVENTS_MAX,
    BATCH_WAIT_MS_MAX,
    DESCRIPTION_CHARS_MAX,
    FILTER_CHARS_MAX,
    PATTERNS_MAX,
    RATE_LIMIT_MAX,
    RATE_LIMIT_MIN,
    RETRIES_MAX,
    RETRIES_S_MAX,
    TIMEOUT_S_MAX,
    WINDOW_MAX,
)
from muniment.domain.webhooks.selection import EVENT_TYPES
from muniment.domain.webhooks.spec import Algorithm, BatchFormat, Format, Order, Shape, State
from muniment.domain.webhooks.urls import URL_CHARS_MAX
from muniment.web.openapi.schemas import (
    FLAG,
    INTEGER,
    TEXT,
    TEXTS,
    closed,
    list_of,
    one_of,
    reference,
)


def _several(items: JsonObject, most: int) -> JsonObject:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _number(least: float, most: float) -> JsonObject:
    return {"type": "number", "minimum": least, "maximum": most}


def _whole(least: int, most: int) -> JsonObject:
    return {"type": "integer", "minimum": least, "maximum": most}


_GLOBS: Final = _several({"type": "string", "pattern": "^[a-zA-Z0-9_*?-]{1,512}$"}, PATTERNS_MAX)
_PATH: Final[JsonObject] = {
    "type": "string",
    "pattern": r"^[^.]+([.][^.]+)*$",
    "maxLength": PATH_CHARS_MAX,
}
_KINDS: Final = dict.fromkeys(name.partition(".")[0] for name in EVENT_TYPES)
_ALGORITHMS: Final = one_of(*Algorithm)

_FIELDS: Final[Mapping[str, JsonObject]] = {
    "url": {
        "description": "Absolute, `http` or `https`, without credentials.",
        "type": "string",
        "pattern": "^https?://[a-z0-9.-]+(:[0-9]{1,4})?(/[!-~]*)?$",
        "maxLength": URL_CHARS_MAX,
    },
    "enabled": FLAG,
    "drain": FLAG,
    "description": {"type": "string", "maxLength": DESCRIPTION_CHARS_MAX},
    "events": _several(one_of("*", *(f"{kind}.*" for kind in _KINDS), *EVENT_TYPES), PATTERNS_MAX),
    "collections": _GLOBS,
    "records": _GLOBS,
    "filter": {
        "description": "A query string as lists take it; `previous.` is the state before.",
        "type": "string",
        "maxLength": FILTER_CHARS_MAX,
    },
    "shape": one_of(*Shape),
    "format": one_of(*Format),
    "fields": {
        "description": "What of a record's states is sent: paths, or new paths to those there are.",
        "type": ["array", "object"],
        "items": _PATH,
        "minItems": 1,
        "maxItems": FIELDS_MAX,
        "uniqueItems": True,
        "additionalProperties": _PATH,
        "minProperties": 1,
        "maxProperties": FIELDS_MAX,
    },
    "headers": {
        "description": "Sealed when they are stored and shown.",
        "type": "object",
        "additionalProperties": {"type": "string", "pattern": "^[ -~]*$"},
    },
    "signatures": {**_several(_ALGORITHMS, len(Algorithm)), "uniqueItems": True},
    "order": one_of(*Order),
    "rate_limit": _number(RATE_LIMIT_MIN, RATE_LIMIT_MAX),
    "window": _whole(1, WINDOW_MAX),
    "batch": closed(
        {"max_events": _whole(1, BATCH_EVENTS_MAX)},
        max_wait_ms=_whole(0, BATCH_WAIT_MS_MAX),
        format=one_of(*BatchFormat),
    ),
    "timeout_s": _number(1, TIMEOUT_S_MAX),
    "retry_forever": FLAG,
    "retry_schedule_s": _several(_number(0, RETRIES_S_MAX / RETRIES_MAX), RETRIES_MAX),
    "disable_after_s": _number(1, RETRIES_S_MAX),
    "start": {
        "description": "`now`, `beginning`, `snapshot`, or one of `sequence`, `time`, `offset`.",
        "type": ["string", "object"],
        "pattern": "^(now|beginning|snapshot)$",
    },
    "tls": closed({}, client_certificate=TEXT, client_key=TEXT, ca=TEXT),
}
"""The fields that a client may set, and that are shown as they were set."""

WEBHOOK_FIELDS: Final[Mapping[str, JsonObject]] = {
    name: schema if name == "url" else {**schema, "x-nullable": True}
    for name, schema in {**_FIELDS, "secret": TEXT}.items()
}
"""As they are taken: `null` is as if the field were not there."""

WEBHOOK_SHOWN: Final[Mapping[str, JsonObject]] = {
    **{name: schema for name, schema in WEBHOOK_FIELDS.items() if name != "secret"},
    "secrets": {"type": "array", "items": reference("SealedKey")},
    "status": closed({"state": one_of(*State), "since": INTEGER, "reason": TEXT}),
}
"""What answers show: these, and what the server sets."""

_KEY: Final[Mapping[str, JsonObject]] = {
    "id": TEXT,
    "algorithm": _ALGORITHMS,
    "created": INTEGER,
    "expires": {"type": ["integer", "null"]},
}

_NULLABLE: Final[JsonObject] = {"type": ["string", "null"]}
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 0}
_URL: Final[JsonObject] = {"type": "string", "format": "uri"}
_BOUND: Final[JsonObject] = {"type": ["string", "object"]}

_MS: Final[JsonObject] = {"type": "number", "minimum": 0}
_DAY: Final = closed(
    {
        "day": {"type": "string", "format": "date"},
        "attempts": _COUNT,
        "acknowledged": _COUNT,
        "outcomes": {
            "description": "`delivered` and classes of errors.",
            "type": "object",
            "additionalProperties": closed(
                {"attempts": _COUNT, "ms": closed({"min": _MS, "avg": _MS, "max": _MS})}
            ),
        },
    }
)

_OF_DELIVERIES: Final[JsonObject] = {
    "DeliveryStatus": closed(
        {
            "data": closed(
                {
                    "partition": _COUNT,
                    "next_offset": _COUNT,
                    "end_offset": _COUNT,
                    "lag_events_max": _COUNT,
                    "stopped_for": _NULLABLE,
                    "failing_since": _NULLABLE,
                    "breaker": closed(
                        {
                            "state": one_of("closed", "open"),
                            "cause": _NULLABLE,
                            "opened_at": _NULLABLE,
                        }
                    ),
                    "parked": _COUNT,
                    "dead": _COUNT,
                    "next_try_at": _NULLABLE,
                    "last_acknowledged_at": _NULLABLE,
                }
            )
        }
    ),
    "AttemptList": closed(
        {"data": {"type": "array", "items": {"type": "object"}}, "next": _NULLABLE}
    ),
    "DayList": closed({"data": {"type": "array", "items": _DAY}, "next": _NULLABLE}),
    "EventList": closed(
        {
            "data": {"type": "array", "items": {"type": "object"}},
            "ids": TEXTS,
            "next": TEXT,
            "has_more": FLAG,
        }
    ),
    "EventTypes": closed(
        {
            "data": {
                "type": "array",
                "items": closed(
                    {
                        "type": TEXT,
                        "description": TEXT,
                        "schema": _URL,
                        "schemas": {
                            "description": "By format and shape; `…-fields` where some are chosen.",
                            "type": "object",
                            "additionalProperties": {
                                "type": "object",
                                "additionalProperties": _URL,
                            },
                        },
                    }
                ),
            }
        }
    ),
    "MessageResult": closed({"data": {"type": "object"}}),
    "Replays": closed({"data": {"type": ["object", "array"]}}),
    "MessageAsk": closed(
        {}, type=one_of("webhook.ping", *EVENT_TYPES), message_id=TEXT, offset=_COUNT
    ),
    "ReplayAsk": closed(
        {"from": _BOUND},
        until=_BOUND,
        events=WEBHOOK_FIELDS["events"],
        collections=_GLOBS,
        records=_GLOBS,
        filter=WEBHOOK_FIELDS["filter"],
        messages={"type": "array", "items": TEXT, "minItems": 1},
        rate=WEBHOOK_FIELDS["rate_limit"],
        dry_run=FLAG,
    ),
    "ReplayWish": closed({"state": one_of("paused", "running", "cancelled")}),
}

WEBHOOK_DEFINITIONS: Final[JsonObject] = {
    **_OF_DELIVERIES,
    "SealedKey": closed({**_KEY, "sealed": TEXT}, public_key=TEXT),
    "Key": closed(_KEY, secret={"type": ["string", "null"]}, public_key=TEXT, reason=TEXT),
    "Keys": list_of("Key"),
    "NewKey": closed(
        {},
        algorithm=_ALGORITHMS,
        secret={"description": "`whsec_…` or `whsk_…`; without it, one is made.", **TEXT},
        overlap_s=_whole(0, OVERLAP_S_MAX),
    ),
}
