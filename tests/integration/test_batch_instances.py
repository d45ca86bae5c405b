"""Batches on the log, and through an instance that does not own what they change."""

from typing import Final

import pytest

from tests.support.batching import (
    Pair,
    Two,
    are_one,
    batch,
    changes_of,
    owners_of,
    put,
    statuses,
    uris,
)
from tests.support.cluster import basic

IF_NONE: Final = {"If-None-Match": "*"}


@pytest.mark.parametrize("whose", ["own", "far"])
async def test_changes_of_one_bucket_are_one_batch_of_the_log(
    pair: Pair, two: Two, whose: str
) -> None:
    """BAT-18: also those that are sent on; every answer rests on all of them."""
    bucket = getattr(two, whose)
    records = [f"{bucket}/collections/c/records/r{number}" for number in range(20)]

    items = await batch(two.nadia, *map(put, records), put(f"{bucket}/collections/c"))

    assert statuses(items) == [201] * 20 + [200]
    changes = (await changes_of(pair[0], bucket))[2:]
    assert uris(changes) == [*records, f"{bucket}/collections/c"]
    assert are_one(changes)
    last = changes[-1].position
    assert {item["headers"]["Muniment-Position"] for item in items} == {
        f"{last.partition}:{last.offset}"
    }
    assert set(await owners_of(pair[0], records)) == {"one" if whose == "own" else "two"}


async def test_several_buckets_are_a_batch_each(pair: Pair, two: Two) -> None:
    """BAT-18, E-6: in turn in the request, together on the log."""
    paths = [
        f"{bucket}/collections/c/records/r{number}"
        for number in range(10)
        for bucket in (two.own, two.far)
    ]

    items = await batch(two.nadia, *map(put, paths))

    assert statuses(items) == [201] * 20
    assert [item["path"] for item in items] == [f"/v1{path}" for path in paths]
    for bucket in (two.own, two.far):
        changes = (await changes_of(pair[0], bucket))[2:]
        assert uris(changes) == [path for path in paths if path.startswith(f"{bucket}/")]
        assert are_one(changes)


@pytest.mark.parametrize("whose", ["own", "far"])
async def test_headers_of_one_request_are_not_anothers(two: Two, whose: str) -> None:
    """BAT-10: neither preconditions nor types, nor who asks."""
    records = f"{getattr(two, whose)}/collections/c/records"
    patch = {"Content-Type": "application/json-patch+json", "Authorization": basic("nadia")}

    items = await batch(
        two.nobody,
        put(f"{records}/é?x=1", headers={"Authorization": basic("nadia"), **IF_NONE}),
        put(f"{records}/a", headers={"Authorization": basic("nadia"), **IF_NONE}),
        put(f"{records}/a", {"data": {"n": "ü"}}, {"Authorization": basic("nadia")}),
        put(f"{records}/b"),
        put(f"{records}/c", headers={"Authorization": basic("omar")}),
        {
            "method": "PATCH",
            "path": f"{records}/a",
            "headers": patch,
            "body": [{"op": "add", "path": "/data/m", "value": 1}],
        },
    )

    assert statuses(items) == [400, 201, 200, 401, 403, 200]
    assert items[5]["body"]["data"]["n"] == "ü"
    assert items[5]["body"]["data"]["m"] == 1


@pytest.mark.parametrize("whose", ["own", "far"])
async def test_what_is_too_large_happens_not_at_all(pair: Pair, two: Two, whose: str) -> None:
    """BAT-18: 413 for each, and the log has nothing of it."""
    bucket = getattr(two, whose)
    paths = [f"{bucket}/collections/c/records/r{number}" for number in range(25)]

    items = await batch(
        two.nadia,
        *({"method": "PUT", "path": path} for path in paths),
        defaults={"body": {"data": {"text": "x" * 900_000}}},
    )

    assert statuses(items) == [413] * 25
    assert len(await changes_of(pair[0], bucket)) == 2


async def test_headers_that_are_not_ascii_are_sent_on(two: Two) -> None:
    """BAT-10: a name in a header stops nobody."""
    reply = await two.nadia(
        "POST",
        "/batch",
        {"requests": [put(f"{two.far}/collections/c/records/a")]},
        headers={"X-Name": "Ünal"},
    )

    assert statuses(reply.body["responses"]) == [201]
