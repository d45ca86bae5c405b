"""Batches that no well-meaning client sends: their items do not come through a server's parser."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

_ATLAS: Final = "/buckets/atlas"
_RECORDS: Final = f"{_ATLAS}/collections/stations/records"
_RECORD: Final = f"{_RECORDS}/st-1"

_PATHS: Final = (
    *("/", "//", "/v1", "/v1/", "/v1//", "/v2/x", "/nowhere", "/./buckets", "/../v1/buckets"),
    *("/%00", "/%FF", "/%", "/buckets/%2F", "/buckets/é", "/buckets/%F0%9F%98%80", "/buckets/a b"),
    *("/buckets/a\nb", "/buckets/a#b", "/buckets/😀"),
    *("/buckets/default", "/buckets/default/collections/x", "/buckets/default/groups/x"),
    *("/__api__", "/__heartbeat__", "/__lbheartbeat__", "/__version__", "/__metrics__"),
    *("/__counters__", "/__flush__", "/__user_data__/x", "/permissions", "/contribute.json"),
    *("/accounts", "/accounts/pia", "/buckets", _ATLAS, f"{_ATLAS}/groups/crew", f"{_ATLAS}/"),
    *(f"{_ATLAS}/collections", f"{_ATLAS}/collections/stations", _RECORDS, _RECORD),
    *(f"{_ATLAS}/history", f"{_ATLAS}/snapshot/collections/stations@0", f"{_ATLAS}/webhooks"),
    *(f"{_ATLAS}/webhooks/hook-1/secrets", f"{_RECORDS}?_limit=1", f"{_RECORDS}?a=%00"),
    *(f"{_RECORDS}?a=%FF", f"{_RECORDS}?_since=x", f"{_RECORDS}?é=日本", f"{_RECORDS}?a=b?c=d#e"),
    *(f"{_RECORDS}?_token=x", f"{_RECORD}?last_modified=x", f"/{'x' * 20_000}"),
)

_METHODS: Final = ("GET", "GET", "HEAD", "PUT", "PUT", "PATCH", "POST", "DELETE", "TRACE")

_HEADERS: Final[Sequence[Mapping[str, str]]] = (
    {},
    {},
    {"If-Match": '"1"'},
    {"If-None-Match": "*"},
    {"if-none-match": "*", "If-None-Match": '"1"'},
    {"If-Match": "1"},
    {"Accept": "text/html"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json-patch+json"},
    {"Content-Type": "application/merge-patch+json; charset=x"},
    {"Authorization": "Basic !!!!"},
    {"Authorization": "Bearer x"},
    {"Authorization": ""},
    {"Host": "a b"},
    {"Content-Length": "5"},
    {"Content-Encoding": "gzip"},
    {"Transfer-Encoding": "chunked"},
    {"Expect": "100-continue"},
    {"Connection": "close"},
    {"Origin": "https://example.org"},
    {"Prefer": "respond-async"},
    {"Idempotency-Key": "k"},
    {"Response-Behavior": "light"},
    {"Response-Behavior": "loud"},
    {"traceparent": "00-x"},
    {"": ""},
    {"X": "x" * 20_000},
)

_BODIES: Final[list[Any]] = orjson.loads(
    b"""[
        null,
        {},
        {"data": {}},
        {"data": {"n": -0.0, "m": 1e308}},
        {"data": {"id": "st-1"}},
        {"data": {"id": 1}},
        {"data": {"last_modified": 1}},
        {"data": {"": {"": [[]]}}},
        {"data": null},
        {"permissions": {"read": ["system.Everyone"], "write": []}},
        {"permissions": {"fly": []}},
        {"more": 1},
        [],
        [{"op": "add", "path": "/data/a", "value": 1}],
        [{"op": "remove", "path": "/data"}]
    ]"""
)


def odd_batch(chance: random.Random) -> bytes:
    """Some items that are odd each, on whatever is there by now."""
    envelope: dict[str, Any] = {"requests": [_item(chance) for _ in range(chance.randint(0, 26))]}
    if chance.random() < 0.3:
        envelope["defaults"] = _item(chance)
    return orjson.dumps(envelope)


def _item(chance: random.Random) -> dict[str, Any]:
    item: dict[str, Any] = {
        "method": chance.choice(_METHODS),
        "path": chance.choice(_PATHS),
        "headers": chance.choice(_HEADERS),
    }
    body: Any = chance.choice(_BODIES)
    if isinstance(body, list):
        item["headers"] = {"Content-Type": "application/json-patch+json"}
    return item if body is None else {**item, "body": body}
