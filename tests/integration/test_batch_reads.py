"""Reads and list deletions between a batch's changes: what they see, and that all is one step."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from muniment.domain.values import JsonValue
from tests.support.batching import Pair, Two, are_one, batch, changes_of, put, statuses
from tests.support.cluster import Client

JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}
KEPT: Final = ("ETag", "Total-Records", "Cache-Control", "Next-Page")
ANYBODY: Final = {"permissions": {"read": ["system.Everyone"]}}


def request(method: str, path: str, body: Any = None, headers: Any = None) -> dict[str, Any]:
    given = {"method": method, "path": path, "body": body, "headers": headers}
    return {name: value for name, value in given.items() if value is not None}


def get(path: str, headers: Any = None) -> dict[str, Any]:
    return request("GET", path, headers=headers)


def story(bucket: str) -> list[dict[str, Any]]:
    """Reads of every kind, each after a change that it must show, and changes after all of them."""
    collection = f"{bucket}/collections/c"
    records = f"{collection}/records"
    name = bucket.rpartition("/")[2]
    return [
        put(f"{records}/a", {"data": {"n": 1}}),
        get(f"{records}/a"),
        put(f"{records}/b", {"data": {"n": 2}}),
        get(f"{records}?_sort=n"),
        get(f"{records}?_limit=1&_sort=n"),
        request("HEAD", f"{records}?gt_n=1"),
        request("PATCH", f"{records}/a", {"data": {"m": True}}),
        get(f"{records}?has_m=true"),
        request("DELETE", f"{records}?n=1"),
        get(f"{records}?_since=0&_sort=id"),
        get(f"{records}/a"),
        put(f"{bucket}/groups/g", {"data": {"members": ["account:x"]}}),
        get(f"{bucket}/groups"),
        get(f"{bucket}/history?_sort=last_modified&_fields=uri,action"),
        request("PATCH", collection, {"data": {"cache_expires": 60}}),
        get(collection),
        get(f"{records}/b"),
        request("PATCH", bucket, {"data": {"title": "x"}, **ANYBODY}),
        get(f"/buckets?id={name}"),
        get(f"/permissions?bucket_id={name}&_sort=uri"),
        request("DELETE", f"{bucket}/history?action=delete"),
        get(f"{bucket}/history?_since=0&_sort=last_modified&_fields=action,deleted"),
        request("DELETE", f"{bucket}/groups"),
        get(f"{bucket}/groups?_since=0"),
        put(f"{records}/last"),
    ]


def again(bucket: str) -> list[dict[str, Any]]:
    """A list that is deleted and written anew, with the collection that it is in."""
    records = f"{bucket}/collections/c/records"
    return [
        put(f"{records}/a"),
        get(records),
        request("DELETE", records),
        get(records),
        put(f"{records}/b"),
        request("DELETE", f"{bucket}/collections"),
        get(f"{records}"),
        put(f"{bucket}/collections/c"),
        get(f"{records}?_since=0"),
        put(f"{records}/c", {"data": {"last_modified": 1_000}}),
        get(f"{records}?_before=2000"),
        put(f"{records}/d", {"data": {"last_modified": 1_000}}),
        request("DELETE", f"{records}?_limit=1&_sort=id"),
        request("PATCH", f"{bucket}/collections/c", {"data": {"late": True}}),
    ]


async def sent_alone(client: Client, asked: dict[str, Any]) -> dict[str, Any]:
    """The request as an item of a batch of its own would be told."""
    reply = await client(
        asked["method"], asked["path"], asked.get("body"), headers=asked.get("headers")
    )
    path, _, _ = str(asked["path"]).partition("?")
    return {
        "status": reply.status,
        "path": f"/v1{path}",
        "headers": {name: reply.headers[name] for name in KEPT if name in reply.headers},
        "body": "" if asked["method"] == "HEAD" else reply.body,
    }


def told(items: Sequence[Any], bucket: str) -> list[Any]:
    """What two runs must have in common: records' timestamps by their order, others as such."""
    of_records = [item for item in items if "/records" in item["path"]]
    times = {each: place for place, each in enumerate(sorted(set(_times(of_records))))}
    name = bucket.rpartition("/")[2]

    def plain(item: Any, value: Any) -> Any:
        return _plain(value, times if item in of_records else {}, name)

    return [
        {
            "status": item["status"],
            "path": item["path"].replace(name, "B"),
            "headers": {
                key: key == "Next-Page" or plain(item, item["headers"][key])
                for key in KEPT
                if key in item["headers"]
            },
            "body": plain(item, item["body"]),
        }
        for item in items
    ]


def _times(value: JsonValue) -> list[int]:
    match value:
        case Mapping():
            return [each for inner in value.values() for each in _times(inner)]
        case list() | tuple():
            return [each for inner in value for each in _times(inner)]
        case int() if value > 10**12:
            return [value]
        case str() if value.strip('"').isdigit() and len(value) > 12:
            return [int(value.strip('"'))]
        case _:
            return []


def _plain(value: JsonValue, times: dict[int, int], name: str) -> Any:
    match value:
        case Mapping():
            return {key: _plain(inner, times, name) for key, inner in value.items() if key != "id"}
        case list() | tuple():
            return [_plain(inner, times, name) for inner in value]
        case _ if _times(value):
            return times.get(_times(value)[0], "some time")
        case str():
            return value.replace(name, "B")
        case _:
            return value


async def buckets_of(two: Two, whose: str) -> tuple[str, str]:
    """The bucket of that instance, and another one that is like it."""
    bucket = getattr(two, whose)
    other = f"{bucket}-2"
    for path in (other, f"{other}/collections/c"):
        assert (await two.nadia("PUT", path)).status == 201
    return bucket, other


@pytest.mark.parametrize("whose", ["own", "far"])
@pytest.mark.parametrize("steps", [story, again])
async def test_a_batch_tells_what_its_requests_alone_would_be_told(
    pair: Pair, two: Two, whose: str, steps: Any
) -> None:
    """BAT-12, BAT-18: each sees what was before it, and the changes are one batch of the log."""
    bucket, other = await buckets_of(two, whose)

    items = await batch(two.nadia, *steps(bucket))

    assert told(items, bucket) == told(
        [await sent_alone(two.nadia, each) for each in steps(other)], other
    )
    assert max(statuses(items)) < 500
    changes = (await changes_of(pair[0], bucket))[2:]
    assert are_one(changes)
    assert len(changes) > 5


async def test_a_read_of_what_two_buckets_change_comes_after_the_first(
    pair: Pair, two: Two
) -> None:
    """BAT-12 before BAT-18: of one bucket all changes are one step, of the other they cannot be."""
    paths = [f"{bucket}/collections/c/records/a" for bucket in (two.own, two.far)]

    items = await batch(
        two.nadia,
        *(put(path, ANYBODY) for path in paths),
        get("/permissions?resource_name=record&_sort=last_modified"),
        *(put(path) for path in paths),
    )

    assert statuses(items) == [201, 201, 200, 200, 200]
    listed = [each["uri"] for each in items[2]["body"]["data"]]
    assert set(paths) <= set(listed)
    changes = [(await changes_of(pair[0], bucket))[2:] for bucket in (two.own, two.far)]
    assert [len(each) for each in changes] == [2, 2]
    assert any(map(are_one, changes))


@pytest.mark.parametrize("whose", ["own", "far"])
async def test_what_is_too_large_is_not_seen_by_reads_either(
    pair: Pair, two: Two, whose: str
) -> None:
    """BAT-18: 413 for each change; a read between them sees none."""
    bucket = getattr(two, whose)
    records = f"{bucket}/collections/c/records"
    puts = [request("PUT", f"{records}/r{number}") for number in range(24)]

    items = await batch(
        two.nadia,
        *(*puts[:12], get(records), *puts[12:]),
        defaults={"body": {"data": {"text": "x" * 900_000}}},
    )

    assert statuses(items) == [413] * 12 + [200] + [413] * 12
    assert items[12]["body"]["data"] == []
    assert len(await changes_of(pair[0], bucket)) == 2
    assert (await two.nadia("PUT", f"{records}/small")).status == 201
