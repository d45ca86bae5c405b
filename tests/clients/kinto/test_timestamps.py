"""Sections 9.1 and 9.2: timelines, and who says when something was changed."""

import time
from typing import Any

import pytest

from tests.clients.requester import Atlas, data, ids, refusal, revision


def written(atlas: Atlas, id_: str, last_modified: Any) -> int:
    """The timestamp of the record after a PUT that asks for one."""
    at: int = atlas.record(id_, {"last_modified": last_modified})["last_modified"]
    return at


def test_timestamps_are_milliseconds_of_now(atlas: Atlas) -> None:
    """TS-1, TS-2: integers, at least the clock's and never less than one more than before."""
    before = int(time.time() * 1000)

    times = [atlas.record(id_)["last_modified"] for id_ in "abc"]

    assert all(isinstance(at, int) for at in times)
    assert times == sorted(set(times))
    # The server's clock is this machine's; a minute allows for whatever steps it.
    assert before - 60_000 < times[0] < before + 60_000


def test_a_change_of_a_record_is_one_of_its_list_alone(atlas: Atlas) -> None:
    """Section 9.1, COL-5: collection, bucket and their lists stay as they were."""
    paths = ("/v1/buckets", f"{atlas.bucket}/collections", atlas.bucket, atlas.collection)
    before = [atlas.nadia("GET", path).headers["ETag"] for path in paths]
    list_before = atlas.revision()

    atlas.record("a")

    assert [atlas.nadia("GET", path).headers["ETag"] for path in paths[1:]] == before[1:]
    assert atlas.revision() > list_before


def test_collections_and_groups_of_a_bucket_have_a_timeline_each(atlas: Atlas) -> None:
    """Section 9.1."""
    lists = [f"{atlas.bucket}/{name}" for name in ("collections", "groups")]
    before = [revision(atlas.nadia("HEAD", list_)) for list_ in lists]

    data(atlas.nadia("POST", lists[1], {"data": {"members": []}}))
    after = [revision(atlas.nadia("HEAD", list_)) for list_ in lists]

    assert after[0] == before[0]
    assert after[1] > before[1]


def test_the_list_has_the_greatest_timestamp(atlas: Atlas) -> None:
    """TS-3, E-2, E-11: tombstones included, and known when the write is answered."""
    seen = [atlas.record("a")["last_modified"], atlas.revision()]
    seen += [atlas.record("b")["last_modified"], atlas.revision()]
    seen += [data(atlas.nadia("DELETE", f"{atlas.records}/a"))["last_modified"], atlas.revision()]

    assert seen[0] == seen[1] < seen[2] == seen[3] < seen[4] == seen[5]


def test_a_list_never_written_has_a_timestamp_that_stays(atlas: Atlas) -> None:
    """TS-4, C-6: looking does not change it, and a first record comes after it."""
    first, second = atlas.revision(), atlas.revision()

    assert first == second
    assert atlas.record("a")["last_modified"] > first


# --- Asked for ------------------------------------------------------------------------------------


def test_created_later_than_the_list(atlas: Atlas) -> None:
    """TS-5: it becomes the list's, even far in the future."""
    atlas.record("a")
    later = atlas.revision() + 10_000_000_000

    assert written(atlas, "b", later) == later
    assert atlas.revision() == later
    assert atlas.record("c")["last_modified"] == later + 1


def test_created_when_the_list_is(atlas: Atlas) -> None:
    """TS-5: replaced by one that is greater."""
    now = atlas.record("a")["last_modified"]

    assert written(atlas, "b", now) > now


def test_created_before_the_list(atlas: Atlas) -> None:
    """TS-5, D-10, C-6: kept, and the list stays where it is; who follows it sees no change."""
    atlas.record("a")
    before = atlas.revision()

    assert written(atlas, "b", 1000) == 1000
    assert atlas.revision() == before
    assert data(atlas.nadia("GET", f"{atlas.records}?_since={before}")) == []


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_changed_later_than_itself(atlas: Atlas, method: str) -> None:
    """TS-6, E-8: taken, also where it is before the list's, which stays then."""
    own = written(atlas, "a", 1000)
    atlas.record("b")
    before = atlas.revision()
    body = {"data": {"last_modified": own + 1}}

    answer = atlas.nadia(method, f"{atlas.records}/a", body)

    assert data(answer)["last_modified"] == own + 1
    assert atlas.revision() == before
    assert ids(atlas.nadia("GET", atlas.records)) == ["b", "a"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("older_by", [0, 1])
def test_changed_no_later_than_itself(atlas: Atlas, method: str, older_by: int) -> None:
    """TS-6: ignored, the server's counts."""
    own = atlas.record("a")["last_modified"]
    body = {"data": {"last_modified": own - older_by}}

    answer = atlas.nadia(method, f"{atlas.records}/a", body)

    assert data(answer)["last_modified"] > own
    assert atlas.revision() == data(answer)["last_modified"]


@pytest.mark.parametrize("wish", ["soon", 1.5, None, True, [], {}, -5, "1500", 10**30])
def test_what_is_no_timestamp_is_dropped(atlas: Atlas, wish: Any) -> None:
    """TS-7, D-11, BASE-8: the server's counts; an integer past 64 bits is a double."""
    before = atlas.revision()

    assert written(atlas, "a", wish) > before


@pytest.mark.parametrize("wish", [10**17, 2**63 - 1, 2**63])
def test_what_is_no_date_is_refused(atlas: Atlas, wish: int) -> None:
    """TS-7: 400, and nothing is written."""
    answer = atlas.nadia("PUT", f"{atlas.records}/a", {"data": {"last_modified": wish}})

    assert refusal(answer) == (400, 107)
    assert atlas.nadia("GET", f"{atlas.records}/a").status_code == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
def test_a_timestamp_that_another_has(atlas: Atlas, method: str) -> None:
    """TS-8, D-12: 409, and both are as they were."""
    atlas.record("a", {"last_modified": 2000})
    mine = atlas.record("b", {"last_modified": 1000})
    atlas.record("z")
    asked = {"POST": (atlas.records, "c"), "PUT": (f"{atlas.records}/b", "b")}
    path, id_ = asked.get(method, asked["PUT"])

    answer = atlas.nadia(method, path, {"data": {"id": id_, "last_modified": 2000}})

    assert refusal(answer) == (409, 122)
    assert answer.headers["Retry-After"]
    assert data(atlas.nadia("GET", f"{atlas.records}/b")) == mine
    assert ids(atlas.nadia("GET", atlas.records)) == ["z", "a", "b"]


def test_deleted_at_a_time(atlas: Atlas) -> None:
    """TS-9: the tombstone has it, and the list too where it is the greatest."""
    later = atlas.record("a")["last_modified"] + 5000

    answer = atlas.nadia("DELETE", f"{atlas.records}/a?last_modified={later}")

    assert revision(answer) == data(answer)["last_modified"] == later == atlas.revision()


def test_a_list_is_filtered_by_a_time_not_deleted_at_it(atlas: Atlas) -> None:
    """TS-9: the parameter of a bulk DELETE is a filter."""
    at = atlas.record("a")["last_modified"]
    atlas.record("b")

    answer = atlas.nadia("DELETE", f"{atlas.records}?last_modified={at}")

    [tombstone] = data(answer)
    assert tombstone["id"] == "a"
    assert tombstone["last_modified"] > at


def test_changes_of_a_batch_have_a_timestamp_each(atlas: Atlas) -> None:
    """TS-10, BAT-12: increasing, in their order."""
    requests = [{"method": "PUT", "path": f"{atlas.records}/{id_}"} for id_ in "abcde"]

    responses = atlas.nadia("POST", "/v1/batch", {"requests": requests}).json()["responses"]

    times = [each["body"]["data"]["last_modified"] for each in responses]
    assert times == sorted(set(times))


# --- After a deletion of the parent ---------------------------------------------------------------


@pytest.mark.parametrize(("parent", "ahead_ms"), [("{bucket}", 1), ("{collection}", 5000)])
def test_a_parent_made_again_has_fresh_timelines(atlas: Atlas, parent: str, ahead_ms: int) -> None:
    """TS-11, TS-12, D-13, COL-2, E-7: nothing of before is seen, and time goes on.

    What a deleted bucket's records had in the future is no longer known.
    """
    atlas.record("a")
    atlas.nadia("DELETE", f"{atlas.records}/a")
    atlas.record("b", {"last_modified": atlas.revision() + ahead_ms})
    before = atlas.revision()

    data(atlas.nadia("DELETE", atlas.path(parent)))
    for path in (atlas.bucket, atlas.collection):
        data(atlas.nadia("PUT", path))

    assert data(atlas.nadia("GET", f"{atlas.records}?_since=0")) == []
    assert atlas.revision() > before
    assert atlas.record("c")["last_modified"] > before


def test_a_timeline_never_goes_back(atlas: Atlas) -> None:
    """TS-3: whatever is deleted, also the greatest of all."""
    seen = [atlas.revision()]
    for method, path in (("PUT", "a"), ("PUT", "b"), ("DELETE", "b"), ("DELETE", "")):
        data(atlas.nadia(method, f"{atlas.records}/{path}".rstrip("/")))
        seen.append(atlas.revision())

    assert seen == sorted(set(seen))
