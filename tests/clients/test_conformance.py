"""The conformance table of the Kinto dialect (contract, section 26), row by row over plain HTTP.

Each test stands alone: it makes the state that its row finds. Rows that wait for step 2:
72 and 73 (groups), 79 (history).
"""

import uuid
from typing import Any

import pytest

from tests.clients.requester import Atlas, Requester, data, ids, quoted, refusal, revision

JSON_PATCH = {"Content-Type": "application/json-patch+json"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
IF_NONE = {"If-None-Match": "*"}
EVERYONE = {"read": ["system.Everyone"]}


# --- Buckets --------------------------------------------------------------------------------------


def test_row_01_root_view(atlas: Atlas) -> None:
    """Row 1: anonymous sees the settings, and no user."""
    body = atlas.anonymous("GET", "/v1/").json()

    assert "user" not in body
    assert body["settings"]["batch_max_requests"] == 25


def test_row_02_anonymous_list_of_buckets(atlas: Atlas) -> None:
    """Row 2: 401/104 with a challenge."""
    answer = atlas.anonymous("GET", "/v1/buckets")

    assert refusal(answer) == (401, 104)
    assert answer.headers["WWW-Authenticate"]


def test_row_03_empty_list_of_buckets(
    cast: tuple[Requester, Requester, Requester], new_user: Requester
) -> None:
    """Row 3: nothing to see, and an ETag that looking does not change."""
    first, second = new_user("GET", "/v1/buckets"), new_user("GET", "/v1/buckets")

    assert first.status_code == 200
    assert data(first) == []
    assert first.headers["ETag"] == second.headers["ETag"]


def test_row_04_bucket_made_without_body(empty_atlas: Atlas) -> None:
    """Row 4: 201, and who made it may write."""
    answer = empty_atlas.nadia("PUT", empty_atlas.bucket)

    assert answer.status_code == 201
    assert answer.json()["permissions"] == {"write": [empty_atlas.nadia.user_id]}


def test_row_05_bucket_put_again(atlas: Atlas) -> None:
    """Row 5: 200, and a change although nothing differs."""
    before = data(atlas.nadia("GET", atlas.bucket))

    answer = atlas.nadia("PUT", atlas.bucket)

    assert answer.status_code == 200
    assert data(answer)["last_modified"] > before["last_modified"]


def test_row_06_strangers_cannot_tell_a_bucket_from_none(atlas: Atlas) -> None:
    """Row 6: 403/121 for both."""
    assert refusal(atlas.omar("GET", atlas.bucket)) == (403, 121)
    assert refusal(atlas.omar("GET", "/v1/buckets/nope")) == (403, 121)


def test_row_07_stranger_makes_it_if_it_is_not_there(atlas: Atlas) -> None:
    """Row 7: 412/114, and nothing of the bucket shown (D-15)."""
    answer = atlas.omar("PUT", atlas.bucket, headers=IF_NONE)

    assert refusal(answer) == (412, 114)
    assert "details" not in answer.json()


def test_row_08_post_of_a_bucket_that_exists(atlas: Atlas) -> None:
    """Row 8: 200 with the bucket as it is."""
    before = atlas.nadia("GET", atlas.bucket).json()

    answer = atlas.nadia("POST", "/v1/buckets", {"data": {"id": before["data"]["id"], "x": 1}})

    assert answer.status_code == 200
    assert answer.json() == before


def test_row_09_post_of_a_wrong_id(atlas: Atlas) -> None:
    """Row 9: 400/107 at `path`, although it came in the body."""
    answer = atlas.nadia("POST", "/v1/buckets", {"data": {"id": "b!"}})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["location"] == "path"


# --- Collections ----------------------------------------------------------------------------------


def test_row_10_collection_made(empty_atlas: Atlas) -> None:
    """Row 10: 201."""
    empty_atlas.nadia("PUT", empty_atlas.bucket)

    answer = empty_atlas.nadia("PUT", empty_atlas.collection, {"data": {"colour": "red"}})

    assert answer.status_code == 201
    assert data(answer)["colour"] == "red"


def test_row_11_plain_patch_stores_null(atlas: Atlas) -> None:
    """Row 11: `null` is a value."""
    answer = atlas.nadia("PATCH", atlas.collection, {"data": {"colour": None}})

    assert data(answer)["colour"] is None


def test_row_12_merge_patch_removes_by_null(atlas: Atlas) -> None:
    """Row 12: the field is gone."""
    atlas.nadia("PATCH", atlas.collection, {"data": {"colour": "red"}})

    answer = atlas.nadia("PATCH", atlas.collection, {"data": {"colour": None}}, MERGE_PATCH)

    assert answer.status_code == 200
    assert "colour" not in data(answer)


def test_row_13_patch_of_nothing(atlas: Atlas) -> None:
    """Row 13: 400 with the name `data`."""
    answer = atlas.nadia("PATCH", atlas.collection, {})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["name"] == "data"


def test_row_14_unknown_key_in_the_body(atlas: Atlas) -> None:
    """Row 14: 400 in the words of ERR-8."""
    answer = atlas.nadia("PATCH", atlas.collection, {"data": {"x": 1}, "y": 2})

    assert refusal(answer) == (400, 107)
    assert "Unrecognized keys in mapping: \"{'y': 2}\"" in answer.json()["message"]


def test_row_15_missing_collection(atlas: Atlas) -> None:
    """Row 15: 404/110 with what is missing."""
    answer = atlas.nadia("GET", f"{atlas.bucket}/collections/none")

    assert refusal(answer) == (404, 110)
    assert answer.json()["details"] == {"id": "none", "resource_name": "collection"}


def test_row_16_records_of_a_missing_collection(atlas: Atlas) -> None:
    """Row 16: 404/111 with what is missing."""
    answer = atlas.nadia("GET", f"{atlas.bucket}/collections/none/records")

    assert refusal(answer) == (404, 111)
    assert answer.json()["details"] == {"id": "none", "resource_name": "collection"}


def test_row_17_stranger_asks_for_a_missing_collection(atlas: Atlas) -> None:
    """Row 17: 403/121."""
    assert refusal(atlas.omar("GET", f"{atlas.bucket}/collections/none")) == (403, 121)


def test_row_18_stranger_posts_to_a_missing_collection(atlas: Atlas) -> None:
    """Row 18: 404/111, before permissions."""
    answer = atlas.omar("POST", f"{atlas.bucket}/collections/none/records", {})

    assert refusal(answer) == (404, 111)


# --- Records --------------------------------------------------------------------------------------


def test_row_19_record_posted_without_id(atlas: Atlas) -> None:
    """Row 19: 201 with a UUID of version 4."""
    answer = atlas.nadia("POST", atlas.records, {"data": {"n": 1}})

    assert answer.status_code == 201
    assert uuid.UUID(data(answer)["id"]).version == 4


def test_row_20_id_in_the_body_differs(atlas: Atlas) -> None:
    """Row 20: 400 with the name `id`."""
    answer = atlas.nadia("PUT", f"{atlas.records}/a", {"data": {"n": 2, "id": "b"}})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["name"] == "id"


def test_row_21_record_put_with_permissions(atlas: Atlas) -> None:
    """Row 21: 201."""
    answer = atlas.nadia("PUT", f"{atlas.records}/a", {"data": {"n": 2}, "permissions": EVERYONE})

    assert answer.status_code == 201
    assert answer.json()["permissions"] == {**EVERYONE, "write": [atlas.nadia.user_id]}


def test_row_22_reader_sees_no_permissions(atlas: Atlas) -> None:
    """Row 22: `permissions` is there and empty."""
    atlas.record("a", permissions=EVERYONE)

    answer = atlas.anonymous("GET", f"{atlas.records}/a")

    assert answer.status_code == 200
    assert answer.json()["permissions"] == {}


def test_row_23_list_of_what_is_shared(atlas: Atlas) -> None:
    """Row 23: the shared record alone."""
    atlas.record("a", permissions=EVERYONE)
    atlas.record("b")

    assert ids(atlas.anonymous("GET", atlas.records)) == ["a"]


def test_row_24_anonymous_asks_for_a_missing_record(atlas: Atlas) -> None:
    """Row 24: 401."""
    assert atlas.anonymous("GET", f"{atlas.records}/zz").status_code == 401


def test_row_25_anonymous_deletes(atlas: Atlas) -> None:
    """Row 25: 401, though it may be read."""
    atlas.record("a", permissions=EVERYONE)

    assert atlas.anonymous("DELETE", f"{atlas.records}/a").status_code == 401


def test_row_26_not_modified(atlas: Atlas) -> None:
    """Row 26: 304 with the ETag."""
    etag = quoted(atlas.record("a")["last_modified"])

    answer = atlas.nadia("GET", f"{atlas.records}/a", headers={"If-None-Match": etag})

    assert answer.status_code == 304
    assert answer.headers["ETag"] == etag
    assert not answer.content


def test_row_27_get_if_it_is_not_there(atlas: Atlas) -> None:
    """Row 27: 412 with the record, not 304."""
    existing = atlas.record("a", {"n": 2})

    answer = atlas.nadia("GET", f"{atlas.records}/a", headers=IF_NONE)

    assert refusal(answer) == (412, 114)
    assert answer.json()["details"]["existing"] == existing


def test_row_28_put_of_a_stale_revision(atlas: Atlas) -> None:
    """Row 28: 412 with the record and its ETag."""
    existing = atlas.record("a", {"n": 2})

    answer = atlas.nadia("PUT", f"{atlas.records}/a", {"data": {"n": 3}}, {"If-Match": '"1"'})

    assert refusal(answer) == (412, 114)
    assert answer.json()["details"]["existing"] == existing
    assert revision(answer) == existing["last_modified"]


def test_row_29_put_of_a_missing_record_that_must_exist(atlas: Atlas) -> None:
    """Row 29: 412 without details."""
    answer = atlas.nadia("PUT", f"{atlas.records}/zz", {}, {"If-Match": "*"})

    assert refusal(answer) == (412, 114)
    assert "details" not in answer.json()


def test_row_30_if_match_without_quotes(atlas: Atlas) -> None:
    """Row 30: 400 at the header."""
    answer = atlas.nadia("PUT", f"{atlas.records}/a", {}, {"If-Match": "5"})

    assert refusal(answer) == (400, 107)
    [detail] = answer.json()["details"]
    assert (detail["location"], detail["name"]) == ("header", "If-Match")


def test_row_31_put_of_data_keeps_permissions(atlas: Atlas) -> None:
    """Row 31: `read` is still everyone's."""
    atlas.record("a", permissions=EVERYONE)

    answer = atlas.nadia("PUT", f"{atlas.records}/a", {"data": {"n": 3}})

    assert answer.status_code == 200
    assert answer.json()["permissions"]["read"] == ["system.Everyone"]


def test_row_32_put_of_permissions_keeps_data(atlas: Atlas) -> None:
    """Row 32: the data stay, and so does the owner in `write`."""
    atlas.record("a", {"n": 3}, permissions=EVERYONE)

    answer = atlas.nadia("PUT", f"{atlas.records}/a", {"permissions": {"read": ["account:omar"]}})

    assert answer.status_code == 200
    assert data(answer)["n"] == 3
    assert answer.json()["permissions"] == {
        "read": ["account:omar"],
        "write": [atlas.nadia.user_id],
    }


def test_row_33_nobody_locks_themselves_out(atlas: Atlas) -> None:
    """Row 33: who writes stays in `write`."""
    atlas.record("a")

    answer = atlas.nadia("PATCH", f"{atlas.records}/a", {"permissions": {"write": []}})

    assert answer.status_code == 200
    assert answer.json()["permissions"]["write"] == [atlas.nadia.user_id]


def test_row_34_light_answer(atlas: Atlas) -> None:
    """Row 34: the changed fields, and nothing else."""
    atlas.record("a", {"n": 3})

    answer = atlas.nadia(
        "PATCH",
        f"{atlas.records}/a",
        {"data": {"n": 4, "m": 1}},
        {"Response-Behavior": "light"},
    )

    assert answer.status_code == 200
    assert answer.json() == {"data": {"n": 4, "m": 1}}


def test_row_35_diff_answer(atlas: Atlas) -> None:
    """Row 35: what became something else than was sent."""
    atlas.record("a", {"n": 4})

    answer = atlas.nadia(
        "PATCH",
        f"{atlas.records}/a",
        {"data": {"n": 5, "last_modified": 1}},
        {"Response-Behavior": "diff"},
    )

    assert answer.status_code == 200
    assert answer.json() == {"data": {"last_modified": revision(answer)}}


def test_row_36_failing_json_patch(atlas: Atlas) -> None:
    """Row 36: 400, and nothing changed."""
    existing = atlas.record("a", {"n": 5})

    answer = atlas.nadia(
        "PATCH",
        f"{atlas.records}/a",
        [{"op": "test", "path": "/data/n", "value": 0}],
        JSON_PATCH,
    )

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["description"].startswith("JSON Patch operation failed")
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == existing


def test_row_37_json_patch_of_permissions(atlas: Atlas) -> None:
    """Row 37: a principal is added by its name in the path, without a value."""
    atlas.record("a")

    answer = atlas.nadia(
        "PATCH",
        f"{atlas.records}/a",
        [{"op": "add", "path": f"/permissions/write/{atlas.omar.user_id}"}],
        JSON_PATCH,
    )

    assert answer.status_code == 200
    assert set(answer.json()["permissions"]["write"]) == {atlas.nadia.user_id, atlas.omar.user_id}


def test_row_38_writer_sees_permissions(atlas: Atlas) -> None:
    """Row 38: in full."""
    atlas.record("a", permissions={"write": [atlas.omar.user_id]})

    answer = atlas.omar("GET", f"{atlas.records}/a")

    assert set(answer.json()["permissions"]["write"]) == {atlas.nadia.user_id, atlas.omar.user_id}


def test_row_39_unknown_content_type(atlas: Atlas) -> None:
    """Row 39: 415/107."""
    answer = atlas.nadia("PATCH", f"{atlas.records}/a", {}, {"Content-Type": "text/plain"})

    assert refusal(answer) == (415, 107)


def test_row_40_no_json_accepted(atlas: Atlas) -> None:
    """Row 40: 406/107."""
    assert refusal(atlas.nadia("GET", atlas.records, headers={"Accept": "text/html"})) == (406, 107)


# --- Timestamps -----------------------------------------------------------------------------------


def test_row_41_created_in_the_past(atlas: Atlas) -> None:
    """Row 41: kept as given, and the list's timestamp stays."""
    atlas.record("a")
    before = atlas.revision()

    answer = atlas.nadia("PUT", f"{atlas.records}/p", {"data": {"last_modified": 1000}})

    assert answer.status_code == 201
    assert data(answer)["last_modified"] == 1000
    assert atlas.revision() == before


def test_row_42_created_in_the_future(atlas: Atlas) -> None:
    """Row 42: it becomes the list's timestamp."""
    later = atlas.revision() + 5000

    answer = atlas.nadia("PUT", f"{atlas.records}/q", {"data": {"last_modified": later}})

    assert answer.status_code == 201
    assert atlas.revision() == later


def test_row_43_created_after_the_future(atlas: Atlas) -> None:
    """Row 43: greater than all before."""
    later = atlas.revision() + 5000
    atlas.record("q", {"last_modified": later})

    answer = atlas.nadia("PUT", f"{atlas.records}/r", {})

    assert answer.status_code == 201
    assert data(answer)["last_modified"] >= later + 1


def test_row_44_replaced_with_an_older_timestamp(atlas: Atlas) -> None:
    """Row 44: ignored, the server's counts."""
    atlas.record("a")
    atlas.record("p", {"last_modified": 1000})
    before = atlas.revision()

    answer = atlas.nadia("PUT", f"{atlas.records}/p", {"data": {"last_modified": 500}})

    assert answer.status_code == 200
    assert data(answer)["last_modified"] > before


def test_row_45_deleted_with_an_older_timestamp(atlas: Atlas) -> None:
    """Row 45: ignored, the server's counts."""
    atlas.record("q", {"last_modified": atlas.revision() + 5000})
    before = atlas.revision()

    answer = atlas.nadia("DELETE", f"{atlas.records}/q?last_modified=12")

    assert answer.status_code == 200
    assert data(answer)["last_modified"] > before


def test_row_46_deleted_twice(atlas: Atlas) -> None:
    """Row 46: 404/110."""
    atlas.record("q")
    atlas.nadia("DELETE", f"{atlas.records}/q")

    assert refusal(atlas.nadia("DELETE", f"{atlas.records}/q")) == (404, 110)


def test_row_47_48_tombstones_are_listed_by_since(atlas: Atlas) -> None:
    """Rows 47, 48: not in the list, but with `_since`."""
    atlas.record("p")
    atlas.record("q")
    tombstone = data(atlas.nadia("DELETE", f"{atlas.records}/q"))

    assert ids(atlas.nadia("GET", atlas.records)) == ["p"]
    assert tombstone in data(atlas.nadia("GET", f"{atlas.records}?_since=0"))


def test_row_49_since_the_etag(atlas: Atlas) -> None:
    """Row 49: nothing is newer than the list; the ETag is taken with its quotes."""
    atlas.record("p")
    etag = atlas.nadia("GET", atlas.records).headers["ETag"]

    assert data(atlas.nadia("GET", f"{atlas.records}?_since={etag}")) == []


def test_row_50_count_leaves_tombstones_out(atlas: Atlas) -> None:
    """Row 50: `Total-Records` counts what lives."""
    atlas.record("p")
    atlas.record("q")
    atlas.nadia("DELETE", f"{atlas.records}/q")

    answer = atlas.nadia("HEAD", f"{atlas.records}?_since=0")

    assert answer.headers["Total-Records"] == answer.headers["Total-Objects"] == "1"


def test_row_51_made_again_over_its_tombstone(atlas: Atlas) -> None:
    """Row 51: 201, and the tombstone is gone."""
    atlas.record("q")
    atlas.nadia("DELETE", f"{atlas.records}/q")

    answer = atlas.nadia("PUT", f"{atlas.records}/q", {}, IF_NONE)

    assert answer.status_code == 201
    assert data(atlas.nadia("GET", f"{atlas.records}?_since=0")) == [data(answer)]


# --- Query language -------------------------------------------------------------------------------

SPECIMENS: dict[str, dict[str, Any]] = {
    "s1": {"v": 1, "t": "Apple", "l": ["x", "y"]},
    "s2": {"v": "1", "t": "fig", "l": "x"},
    "s3": {"v": None},
    "s4": {},
}


@pytest.fixture
def specimens(atlas: Atlas) -> Atlas:
    """Row 52: records of all kinds of values."""
    for id_, fields in SPECIMENS.items():
        atlas.record(id_, fields)
    return atlas


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("v=1", "s1", id="row_53_number"),
        pytest.param('v="1"', "s2", id="row_53_string"),
        pytest.param("v=null", "s3", id="row_53_null"),
        pytest.param("gt_v=0", "s1 s4", id="row_54_greater_or_missing"),
        pytest.param("lt_v=5", "s1 s2 s3", id="row_55_smaller"),
        pytest.param("not_v=1", "s2 s3 s4", id="row_56_not"),
        pytest.param("has_v=true", "s1 s2 s3", id="row_57_has"),
        pytest.param("has_v=false", "s4", id="row_57_has_not"),
        pytest.param("in_v=1,null", "s1 s3", id="row_58_in"),
        pytest.param("exclude_v=1,null", "s2 s4", id="row_58_exclude"),
        pytest.param("like_t=app", "s1", id="row_59_contains"),
        pytest.param("like_t=*e", "s1", id="row_59_ends"),
        pytest.param("like_t=APP*", "s1", id="row_59_begins"),
        pytest.param('contains_l=["x","y"]', "s1", id="row_60_contains_all"),
        pytest.param('contains_any_l=["x","z"]', "s1", id="row_60_contains_any"),
    ],
)
def test_rows_53_to_60_filters(specimens: Atlas, query: str, found: str) -> None:
    """Rows 53 to 60: types matter, and missing is greatest."""
    assert sorted(ids(specimens.nadia("GET", f"{specimens.records}?{query}"))) == found.split()


def test_row_61_sorted_by_values_of_all_types(specimens: Atlas) -> None:
    """Row 61: null, strings, numbers, missing."""
    assert ids(specimens.nadia("GET", f"{specimens.records}?_sort=v")) == ["s3", "s2", "s1", "s4"]


def test_row_62_pages_of_sorted_values(specimens: Atlas) -> None:
    """Row 62: the second page begins where the first ended, and is the last."""
    first = specimens.nadia("GET", f"{specimens.records}?_sort=v&_limit=3")

    second = specimens.nadia("GET", first.headers["Next-Page"])

    assert ids(first) == ["s3", "s2", "s1"]
    assert ids(second) == ["s4"]
    assert "Next-Page" not in second.headers


def test_row_63_chosen_fields(specimens: Atlas) -> None:
    """Row 63: those asked for, id and last_modified."""
    found = data(specimens.nadia("GET", f"{specimens.records}?_fields=v&_sort=id"))

    assert [set(each) for each in found] == [
        *[{"id", "last_modified", "v"}] * 3,
        {"id", "last_modified"},
    ]


@pytest.mark.parametrize("query", ["_limit=-1", "_limit=x", "_since=x", "_token=x"])
def test_row_64_wrong_parameters(atlas: Atlas, query: str) -> None:
    """Row 64: 400/107 each."""
    assert refusal(atlas.nadia("GET", f"{atlas.records}?{query}")) == (400, 107)


# --- Schemas and caches ---------------------------------------------------------------------------


def test_row_65_record_against_the_schema(atlas: Atlas) -> None:
    """Row 65: 400 in the seed's words."""
    schema = {"type": "object", "required": ["title"]}
    atlas.nadia("PATCH", atlas.collection, {"data": {"schema": schema}})

    answer = atlas.nadia("POST", atlas.records, {"data": {"b": 1}})

    text = "'title' is a required property"
    assert refusal(answer) == (400, 107)
    assert answer.json()["message"] == text
    assert answer.json()["details"] == [{"location": "body", "name": "title", "description": text}]


def test_row_66_record_is_stamped_with_the_schema(atlas: Atlas) -> None:
    """Row 66: `schema` is the collection's timestamp, whatever was sent."""
    schema = {"type": "object", "required": ["title"]}
    version = revision(atlas.nadia("PATCH", atlas.collection, {"data": {"schema": schema}}))

    answer = atlas.nadia("POST", atlas.records, {"data": {"title": "x", "schema": 1}})

    assert answer.status_code == 201
    assert data(answer)["schema"] == version


def test_row_67_schema_that_is_none(atlas: Atlas) -> None:
    """Row 67: 400 with the name `schema`."""
    answer = atlas.nadia("PATCH", atlas.collection, {"data": {"schema": {"type": "nope"}}})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["name"] == "schema"


@pytest.mark.parametrize("reader", ["nadia", "omar", "anonymous"])
def test_row_68_cached_records(atlas: Atlas, reader: str) -> None:
    """Row 68: all readers may keep them for a minute."""
    atlas.nadia("PATCH", atlas.collection, {"data": {"cache_expires": 60}, "permissions": EVERYONE})

    answer = getattr(atlas, reader)("GET", atlas.records)

    assert "max-age=60" in answer.headers["Cache-Control"]
    assert answer.headers["Expires"]


# --- Batches --------------------------------------------------------------------------------------


def test_row_69_batch_of_too_many(atlas: Atlas) -> None:
    """Row 69: 400 in the words of BAT-6, and nothing of it runs."""
    requests = [{"method": "PUT", "path": f"{atlas.records}/r{each}"} for each in range(26)]

    answer = atlas.nadia("POST", "/v1/batch", {"requests": requests})

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["description"] == "Number of requests is limited to 25"
    assert ids(atlas.nadia("GET", atlas.records)) == []


def test_row_70_batch_with_refusals(atlas: Atlas) -> None:
    """Row 70: 200, with an answer for each."""
    record = f"{atlas.records}/x"
    requests = [
        {"method": "PUT", "path": record},
        {"path": f"{atlas.records}/missing"},
        {"method": "PUT", "path": record, "headers": IF_NONE},
    ]

    answer = atlas.nadia("POST", "/v1/batch", {"requests": requests})

    assert answer.status_code == 200
    assert [item["status"] for item in answer.json()["responses"]] == [201, 404, 412]


# --- Deletes, strangers, routes -------------------------------------------------------------------


def test_row_71_deleted_page_by_page(atlas: Atlas) -> None:
    """Row 71: one tombstone each, and a next page as long as there is one."""
    atlas.record("a")
    atlas.record("b")

    first = atlas.nadia("DELETE", f"{atlas.records}?_limit=1")
    second = atlas.nadia("DELETE", f"{atlas.records}?_limit=1")

    assert [each["deleted"] for each in (*data(first), *data(second))] == [True, True]
    assert set(ids(first) + ids(second)) == {"a", "b"}
    assert "Next-Page" in first.headers
    assert "Next-Page" not in second.headers


def test_row_74_collection_made_again_is_empty(atlas: Atlas) -> None:
    """Row 74: nothing of before shows, not even by `_since`."""
    atlas.record("a")
    atlas.nadia("DELETE", f"{atlas.records}/a")
    atlas.record("b")

    atlas.nadia("DELETE", atlas.collection)
    atlas.nadia("PUT", atlas.collection)

    assert data(atlas.nadia("GET", f"{atlas.records}?_since=0")) == []


def test_row_75_deleted_bucket(atlas: Atlas) -> None:
    """Row 75: 403 even for who had it: nothing grants anything any more."""
    assert data(atlas.nadia("DELETE", atlas.bucket))["deleted"] is True

    assert refusal(atlas.nadia("GET", atlas.bucket)) == (403, 121)


def test_row_76_bucket_made_again(atlas: Atlas) -> None:
    """Row 76: 201."""
    atlas.nadia("DELETE", atlas.bucket)

    assert atlas.nadia("PUT", atlas.bucket, headers=IF_NONE).status_code == 201


def test_row_77_only_readers_learn_what_is_missing(atlas: Atlas, new_user: Requester) -> None:
    """Row 77: 403 for who may only create, 404/110 for who may read."""
    permissions = {"record:create": [atlas.omar.user_id], "read": [new_user.user_id]}
    atlas.nadia("PATCH", atlas.collection, {"permissions": permissions})

    assert refusal(atlas.omar("DELETE", f"{atlas.records}/none")) == (403, 121)
    assert refusal(new_user("DELETE", f"{atlas.records}/none")) == (404, 110)


def test_row_78_creator_without_records(atlas: Atlas) -> None:
    """Row 78: an empty list, not a refusal."""
    permissions = {"record:create": [atlas.omar.user_id]}
    atlas.nadia("PATCH", atlas.collection, {"permissions": permissions})
    atlas.record("a")

    answer = atlas.omar("GET", atlas.records)

    assert answer.status_code == 200
    assert data(answer) == []


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/v1/buckets/", "/v1/buckets"),
        ("/v1", "/v1/"),
        ("/buckets", "/v1/buckets"),
    ],
)
def test_row_80_redirects(atlas: Atlas, path: str, location: str) -> None:
    """Row 80: 307 to where it is."""
    answer = atlas.nadia("GET", path)

    assert answer.status_code == 307
    assert answer.headers["Location"].endswith(location)


@pytest.mark.parametrize(("path", "expected"), [("/v3/x", (404, 116)), ("/v1/nope", (404, 111))])
def test_row_80_unknown_paths(atlas: Atlas, path: str, expected: tuple[int, int]) -> None:
    """Row 80: another version has a number of its own."""
    assert refusal(atlas.nadia("GET", path)) == expected


def test_row_81_method_that_is_not_there(atlas: Atlas) -> None:
    """Row 81: 405/115 with those that are."""
    answer = atlas.nadia("PUT", "/v1/buckets")

    assert refusal(answer) == (405, 115)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}


def test_row_82_preflight(atlas: Atlas) -> None:
    """Row 82: 200, to be kept for an hour."""
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}

    answer = atlas.anonymous("OPTIONS", "/v1/buckets", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Max-Age"] == "3600"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"].split(",")
