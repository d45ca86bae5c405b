"""Rows 19 to 40 of the conformance table (contract, section 26): one record at a time."""

import uuid

from tests.clients.requester import (
    EVERYONE,
    IF_NONE,
    JSON_PATCH,
    Atlas,
    data,
    ids,
    quoted,
    refusal,
    revision,
)


def test_row_19_record_posted_without_id(atlas: Atlas) -> None:
    """Row 19: 201 with a UUID of version 4."""
    answer = atlas.nadia("POST", atlas.records, {"data": {"n": 1}})

    assert answer.status_code == 201
    made = uuid.UUID(data(answer)["id"])
    assert made.version == 4
    assert data(answer)["id"] == str(made)


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
