"""Rows 41 to 51 of the conformance table (contract, section 26): timestamps and tombstones."""

from tests.clients.requester import IF_NONE, Atlas, data, ids, refusal


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


def test_row_47_deleted_records_are_not_listed(atlas: Atlas) -> None:
    """Row 47: what lives is."""
    atlas.record("p")
    atlas.record("q")
    atlas.nadia("DELETE", f"{atlas.records}/q")

    assert ids(atlas.nadia("GET", atlas.records)) == ["p"]


def test_row_48_tombstones_are_listed_by_since(atlas: Atlas) -> None:
    """Row 48: with what lives, newest first."""
    living = atlas.record("p")
    atlas.record("q")
    tombstone = data(atlas.nadia("DELETE", f"{atlas.records}/q"))

    assert data(atlas.nadia("GET", f"{atlas.records}?_since=0")) == [tombstone, living]


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
