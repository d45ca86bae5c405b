"""What is measured: single-record writes, reads of one record, lists of 50."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.bench.load import MakeRequest

COLLECTION: Final = "/v1/buckets/bench/collections/stations"
RECORDS: Final = f"{COLLECTION}/records"

_CREDENTIALS: Final = base64.b64encode(b"bench:secret").decode()

RECORD: Final = {
    "name": "Harbour light, north pier",
    "kind": "lighthouse",
    "depth": 4.5,
    "position": {"latitude": 54.1823, "longitude": 12.0914},
    "tags": ["coast", "night", "automatic"],
    "operator": "Harbour authority of the northern district",
    "visited": "2026-05-17T09:12:44Z",
    "is_open": True,
}
"""About 300 bytes, as small records are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One line of the table."""

    name: str
    make_request: MakeRequest
    connections: int
    status: int


def request(
    method: str,
    path: str,
    body: object = None,
    *,
    port: int = 0,
    credentials: str = f"Authorization: Basic {_CREDENTIALS}",
) -> bytes:
    """The bytes of one request, of the user `bench` unless another header says who asks."""
    payload = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        credentials,
    ]
    if payload:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return "\r\n".join([*lines, "", ""]).encode() + payload


def always(wire: bytes) -> MakeRequest:
    """The same request each time."""
    return lambda _number: wire


def scenarios(record_ids: list[str]) -> list[Scenario]:
    """All lines of the table; `record_ids` are of records that exist."""
    post = always(request("POST", RECORDS, {"data": RECORD}))
    writes = [
        Scenario(name="POST", make_request=post, connections=connections, status=201)
        for connections in (1, 16, 64, 256)
    ]
    return [
        *writes,
        Scenario(name="GET", make_request=_each(record_ids), connections=16, status=200),
        Scenario(
            name="list of 50",
            make_request=always(request("GET", f"{RECORDS}?_limit=50")),
            connections=16,
            status=200,
        ),
    ]


def _each(record_ids: list[str]) -> Callable[[int], bytes]:
    wires = [request("GET", f"{RECORDS}/{record_id}") for record_id in record_ids]
    return lambda number: wires[number % len(wires)]
