"""Rows 1 to 18 of the conformance table (contract, section 26): buckets and collections."""

from tests.clients.requester import IF_NONE, MERGE_PATCH, Atlas, Requester, data, refusal


def test_row_01_root_view(atlas: Atlas) -> None:
    """Row 1: anonymous sees the settings, and no user."""
    answer = atlas.anonymous("GET", "/v1/")

    assert answer.status_code == 200
    body = answer.json()
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


def test_row_10_collection_made(empty_atlas: Atlas) -> None:
    """Row 10: 201."""
    empty_atlas.nadia("PUT", empty_atlas.bucket)

    answer = empty_atlas.nadia("PUT", empty_atlas.collection, {"data": {"colour": "red"}})

    assert answer.status_code == 201
    assert data(answer)["colour"] == "red"


def test_row_11_plain_patch_stores_null(atlas: Atlas) -> None:
    """Row 11: `null` is a value."""
    atlas.nadia("PATCH", atlas.collection, {"data": {"colour": "red"}})

    answer = atlas.nadia("PATCH", atlas.collection, {"data": {"colour": None}})

    assert answer.status_code == 200
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
    """Row 18: 404/111, before permissions; ERR-16."""
    answer = atlas.omar("POST", f"{atlas.bucket}/collections/none/records", {})

    assert refusal(answer) == (404, 111)
    assert answer.json()["details"] == {"id": "none", "resource_name": "collection"}
