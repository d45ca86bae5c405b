"""Whatever is sent: a 4xx in the form of errors, never a 500, and nothing is written."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, NamedTuple

import pytest

from tests.support.cluster import Client, Cluster, Service, client_of, read_all, wait_until_ready

Pair = tuple[Cluster, Service, Service]

RECORDS: Final = "/buckets/atlas/collections/stations/records"
RECORD: Final = f"{RECORDS}/one"
STATIONS: Final = "/buckets/atlas/collections/stations"
DEEP: Final = b'{"data": {"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}}"
LARGE: Final = b'{"data": {"a": "' + b"x" * (11 * 1024 * 1024) + b'"}}'
MERGE: Final = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}


@pytest.fixture
async def nadia(pair: Pair) -> AsyncGenerator[Client]:
    """Nadia, with a record in a collection in a bucket."""
    async with client_of(pair[1]) as client:
        await wait_until_ready(client)
        for path in ("/buckets/atlas", STATIONS, RECORD):
            reply = await client("PUT", path, headers={"If-None-Match": "*"})
            assert reply.status in {201, 412}, reply.body
        yield client


async def written(cluster: Cluster) -> int:
    """How many events are on the log; owners may claim partitions meanwhile."""
    async with cluster.log() as log:
        return sum(not entry.is_claim for entry in await read_all(log))


class Bad(NamedTuple):
    """A request that is not as it should be."""

    method: str
    path: str
    body: Any
    raw: bytes | None
    headers: Mapping[str, str]


def sent(
    method: str,
    path: str,
    body: Any = None,
    *,
    raw: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    status: int = 400,
    errno: int = 107,
    id: str,  # noqa: A002 - as pytest names it
) -> Any:
    return pytest.param(Bad(method, path, body, raw, headers or {}), status, errno, id=id)


@pytest.mark.parametrize(
    ("bad", "status", "errno"),
    [
        # --- JSON ---------------------------------------------------------------------------------
        sent("POST", RECORDS, raw=b'{"data": {"a": 1', id="cut-short"),
        sent("POST", RECORDS, raw=b"{'data': {}}", id="not-json"),
        sent("POST", RECORDS, raw=b'{"data": {"a": NaN}}', id="nan"),
        sent("POST", RECORDS, raw=b'{"data": {"a": 1e999}}', id="huge-exponent"),
        sent("POST", RECORDS, raw=b'{"data": {"a": "\xff"}}', id="not-utf-8"),
        sent("POST", RECORDS, raw=b'{"data": {"a": "\\ud800"}}', id="lone-surrogate"),
        sent("POST", RECORDS, raw=b'{"data": {"a": "\\u0000"}}', id="nul-in-a-value"),
        sent("POST", RECORDS, raw=b'{"data": {"\\u0000": 1}}', id="nul-in-a-key"),
        sent("PUT", RECORD, raw=b'{"permissions": {"read": ["\\u0000"]}}', id="nul-in-a-principal"),
        sent("POST", RECORDS, raw=DEEP, id="deep-nesting"),
        sent("POST", RECORDS, raw=b"[" * 100_000, id="deep-nesting-cut-short"),
        sent("POST", RECORDS, raw=b"5", id="a-number"),
        sent("POST", RECORDS, [], id="an-array"),
        sent("POST", RECORDS, raw=LARGE, status=413, errno=113, id="over-the-limit"),
        # --- types --------------------------------------------------------------------------------
        sent("POST", RECORDS, {"data": "text"}, id="data-no-object"),
        sent("POST", RECORDS, {"data": None}, id="data-null"),
        sent("PUT", RECORD, {"permissions": []}, id="permissions-no-object"),
        sent("PUT", RECORD, {"permissions": {"fly": []}}, id="unknown-permission"),
        sent("PUT", RECORD, {"permissions": {"read": "all"}}, id="principals-no-list"),
        sent("PUT", RECORD, {"permissions": {"read": [5]}}, id="principal-no-text"),
        sent("PUT", RECORD, {"data": {}, "colour": 1}, id="unknown-key"),
        sent("PATCH", RECORD, {}, id="patch-without-a-part"),
        sent("PUT", RECORD, {"data": {"id": "two"}}, id="another-id"),
        sent("PUT", RECORD, {"data": {"last_modified": 10**15}}, id="beyond-all-dates"),
        sent("PUT", RECORD, {"data": {"last_modified": 2**64 - 1}}, id="64-bit-timestamp"),
        sent("DELETE", f"{RECORD}?last_modified=soon", id="delete-timestamp-no-number"),
        sent("DELETE", f"{RECORDS}?_limit=many", id="limit-no-number"),
        sent("DELETE", f"{RECORDS}?_token=x", id="made-up-token"),
        sent("PUT", STATIONS, {"data": {"cache_expires": "soon"}}, id="cache-expires-text"),
        sent("PUT", STATIONS, {"data": {"cache_expires": "+-5"}}, id="cache-expires-two-signs"),
        sent("PUT", STATIONS, {"data": {"cache_expires": 1e300}}, id="cache-expires-huge"),
        # --- patches ------------------------------------------------------------------------------
        sent("PATCH", RECORD, {}, headers=JSON_PATCH, id="json-patch-no-array"),
        sent("PATCH", RECORD, [{"op": "fly"}], headers=JSON_PATCH, id="json-patch-unknown-op"),
        sent(
            "PATCH",
            RECORD,
            [{"op": "test", "path": "/data/none", "value": 1}],
            headers=JSON_PATCH,
            id="json-patch-test-fails",
        ),
        sent(
            "PATCH",
            RECORD,
            [{"op": "add", "path": "/data/a", "value": "x" * 1_000}]
            + [{"op": "copy", "from": "/data", "path": f"/data/b{n}"} for n in range(60)],
            headers=JSON_PATCH,
            id="json-patch-bomb",
        ),
        sent("PATCH", RECORD, [], headers=MERGE, id="merge-patch-array"),
        # --- headers ------------------------------------------------------------------------------
        sent("PUT", RECORD, {}, headers={"If-Match": "5"}, id="if-match-unquoted"),
        sent("PUT", RECORD, {}, headers={"If-None-Match": 'W/"5"'}, id="if-none-match-weak"),
        sent("PATCH", RECORD, {"data": {}}, headers={"Response-Behavior": "loud"}, id="behavior"),
        sent(
            "POST", RECORDS, raw=b"a=1", headers={"Content-Type": "text/plain"}, status=415,
            id="unknown-content-type",
        ),
        sent(
            "POST", RECORDS, {}, headers={"Content-Type": "application/xml"}, status=415,
            id="xml",
        ),
        sent("POST", RECORDS, {}, headers={"Accept": "text/html"}, status=406, id="accept"),
        # --- ids ----------------------------------------------------------------------------------
        sent("POST", RECORDS, {"data": {"id": "no id!"}}, id="id-off-the-pattern"),
        sent("POST", RECORDS, {"data": {"id": ""}}, id="id-empty"),
        sent("POST", RECORDS, {"data": {"id": 5}}, id="id-a-number"),
        sent("POST", RECORDS, {"data": {"id": "x" * 5_000}}, id="id-long"),
        sent("PUT", f"{RECORDS}/-a", id="id-in-the-path"),
        sent("PUT", f"{RECORDS}/a%0A", id="id-with-a-newline"),
        sent("PUT", f"{RECORDS}/a%2Fb", status=404, errno=111, id="id-with-a-slash"),
        sent("PUT", "/buckets/%00", id="id-nul"),
        sent("PUT", "/buckets/%82%AC", id="path-not-utf-8"),
        sent("PUT", "/buckets/a..b", id="bucket-id"),
        # --- schemas ------------------------------------------------------------------------------
        sent("PUT", STATIONS, {"data": {"schema": None}}, id="schema-null"),
        sent("PUT", STATIONS, {"data": {"schema": {"type": "nonsense"}}}, id="schema-invalid"),
        sent("PUT", "/buckets/atlas", {"data": {"record:schema": 5}}, id="bucket-schema"),
    ],
)  # fmt: skip
async def test_it_is_refused_and_nothing_is_written(
    pair: Pair, nadia: Client, bad: Bad, status: int, errno: int
) -> None:
    before = await written(pair[0])

    reply = await nadia(bad.method, bad.path, bad.body, raw=bad.raw, headers=bad.headers)

    assert (reply.status, reply.body["code"], reply.body["errno"]) == (status, status, errno)
    assert reply.body["error"]
    assert await written(pair[0]) == before
    assert (await nadia("GET", RECORD)).status == 200


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"$ref": "#"}, id="itself"),
        pytest.param(
            {
                "$ref": "#/$defs/a",
                "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
            },
            id="in-a-circle",
        ),
        pytest.param({"$ref": "http://127.0.0.1:9/schema.json"}, id="remote"),
        pytest.param({"$ref": "file:///etc/passwd"}, id="file"),
        pytest.param({"$ref": "#/nowhere"}, id="nowhere"),
        pytest.param({"properties": {"a": {"pattern": "^(a+)+$"}}}, id="catastrophic"),
        pytest.param({"properties": {"a": {"pattern": "(a|aa)+b"}}}, id="catastrophic-too"),
        pytest.param({"properties": {"a": {"pattern": r"^(\w+\s?)*\1$"}}}, id="back-reference"),
    ],
)
async def test_a_schema_of_bad_intent_lets_no_record_in(
    pair: Pair, nadia: Client, schema: Mapping[str, Any]
) -> None:
    """SCH-9: refused when it is saved, or each record is, at once; nothing is fetched."""
    path = "/buckets/atlas/collections/odd"
    await nadia("DELETE", path)
    saved = await nadia("PUT", path, {"data": {"schema": schema}})
    before = await written(pair[0])

    async with asyncio.timeout(30):
        reply = await nadia("POST", f"{path}/records", {"data": {"a": "a" * 50_000 + "!"}})

    assert saved.status in {201, 400}
    assert reply.status == (400 if saved.status == 201 else 404)
    assert await written(pair[0]) == before


async def test_a_number_past_64_bits_loses_digits_and_nothing_else(nadia: Client) -> None:
    """BASE-8."""
    path = f"{RECORDS}/numbers"

    reply = await nadia("PUT", path, raw=b'{"data": {"a": 123456789012345678901234567890}}')

    assert reply.data["a"] == 123456789012345678901234567890.0
    assert (await nadia("GET", path)).data == reply.data


async def test_the_service_is_well_after_all_of_it(nadia: Client) -> None:
    """No owner has ended, no process was restarted."""
    assert (await nadia("GET", "/__heartbeat__")).status == 200
    assert (await nadia("PUT", RECORD)).status == 200
