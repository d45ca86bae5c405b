"""Section 15: JSON Schemas of collections and buckets."""

from typing import Any, Final

import pytest
from requests import Response

from tests.clients.requester import (
    EVERYONE,
    JSON_PATCH,
    MERGE_PATCH,
    Atlas,
    data,
    detail,
    ids,
    without,
)

TITLED: Final = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}
SCHEMAS: Final = {
    # the field, and the object that has it
    "schema": "{collection}",
    "record:schema": "{bucket}",
    "collection:schema": "{bucket}",
    "group:schema": "{bucket}",
}


def with_schema(atlas: Atlas, schema: Any) -> int:
    """Set the collection's schema; its version."""
    return revision_of(atlas.nadia("PATCH", atlas.collection, {"data": {"schema": schema}}))


def revision_of(answer: Response) -> int:
    at: int = data(answer)["last_modified"]
    return at


@pytest.mark.parametrize("field", SCHEMAS)
@pytest.mark.parametrize("schema", [{"type": "nope"}, {"required": 1}, "x", [], None, 1])
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_no_schema(atlas: Atlas, method: str, schema: Any, field: str) -> None:
    """SCH-1, ERR-21: an object that Draft 7 takes; `null` is none."""
    path = atlas.path(SCHEMAS[field])
    before = data(atlas.nadia("GET", path))

    answer = atlas.nadia(method, path, {"data": {field: schema}})

    assert detail(answer)["name"] == (f"data.{field}" if method == "PUT" else field)
    assert data(atlas.nadia("GET", path)) == before


def test_null_in_a_merge_patch_takes_a_schema_off(atlas: Atlas) -> None:
    """SCH-1, SCH-7: stamps end with it, and those there were stay."""
    version = with_schema(atlas, {})
    old = atlas.record("old")

    patched = atlas.nadia("PATCH", atlas.collection, {"data": {"schema": None}}, MERGE_PATCH)

    assert "schema" not in data(patched)
    assert old["schema"] == version
    assert data(atlas.nadia("GET", f"{atlas.records}/old")) == old
    assert "schema" not in atlas.record("new")


DRAFT_7: Final = {"$schema": "http://json-schema.org/draft-07/schema#"}
FIRST_IS_TEXT: Final = [{"type": "string"}]


@pytest.mark.parametrize(
    ("draft", "keywords", "status"),
    [
        ({}, {"prefixItems": FIRST_IS_TEXT}, 400),
        (DRAFT_7, {"items": FIRST_IS_TEXT}, 400),
        (DRAFT_7, {"prefixItems": FIRST_IS_TEXT}, 201),
        ({}, {"items": {"format": "email"}}, 201),
    ],
)
def test_the_draft_that_counts(
    atlas: Atlas, draft: dict[str, Any], keywords: dict[str, Any], status: int
) -> None:
    """SCH-2: the one that is named, else the newest; formats are not asserted."""
    with_schema(atlas, {**draft, "properties": {"l": keywords}})

    assert atlas.nadia("POST", atlas.records, {"data": {"l": [1]}}).status_code == status


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("PUT", {}, {"data": {"n": 1}}),
        ("PATCH", {}, {"data": {"title": 1}}),
        ("PATCH", MERGE_PATCH, {"data": {"title": None}}),
        ("PATCH", JSON_PATCH, [{"op": "remove", "path": "/data/title"}]),
    ],
)
def test_every_result_must_fit(
    atlas: Atlas, method: str, headers: dict[str, str], body: Any
) -> None:
    """SCH-3, ERR-20, Statement 14: whatever kind of change it comes of."""
    with_schema(atlas, TITLED)
    before = atlas.record("a", {"title": "x"})

    answer = atlas.nadia(method, f"{atlas.records}/a", body, headers)

    assert detail(answer)["name"] == "title"
    assert data(atlas.nadia("GET", f"{atlas.records}/a")) == before


def test_what_is_there_is_not_looked_at_until_it_is_changed(atlas: Atlas) -> None:
    """SCH-4, SCH-3: then even its permissions can't be."""
    old = atlas.record("old")
    with_schema(atlas, TITLED)
    read = atlas.nadia("GET", f"{atlas.records}/old")

    shared = atlas.nadia("PATCH", f"{atlas.records}/old", {"permissions": EVERYONE})
    mended = atlas.nadia("PATCH", f"{atlas.records}/old", {"data": {"title": "x"}})
    shared_then = atlas.nadia("PATCH", f"{atlas.records}/old", {"permissions": EVERYONE})

    assert data(read) == old
    assert detail(shared)["name"] == "title"
    assert (mended.status_code, shared_then.status_code) == (200, 200)


def test_fields_of_the_server_are_not_the_schemas_business(atlas: Atlas) -> None:
    """SCH-5: neither as surplus nor as required."""
    strict = {**TITLED, "additionalProperties": False}
    with_schema(atlas, {**strict, "required": ["title", "id", "last_modified", "schema"]})

    made = atlas.nadia("POST", atlas.records, {"data": {"title": "x", "schema": 1}})
    surplus = atlas.nadia("POST", atlas.records, {"data": {"title": "x", "n": 1}})

    assert made.status_code == 201
    assert detail(surplus)["name"] == "additionalProperties"


def test_a_schema_may_speak_of_the_id(atlas: Atlas) -> None:
    """SCH-5: when it is among its properties; then POST needs one."""
    with_schema(atlas, {"properties": {"id": {"pattern": "^st-"}}, "required": ["id"]})

    named, other, unnamed = (
        atlas.nadia("POST", atlas.records, {"data": body})
        for body in ({"id": "st-1"}, {"id": "x"}, {})
    )
    put = atlas.nadia("PUT", f"{atlas.records}/st-2", {"data": {}})

    assert (named.status_code, put.status_code) == (201, 201)
    assert detail(other)["description"] == "'x' does not match '^st-'"
    assert detail(unnamed)["description"] == "'id' is a required property"


def test_an_id_that_the_server_makes_is_not_judged(atlas: Atlas) -> None:
    """SCH-5: the schema sees what the client sent; without `required` that may lack an id."""
    with_schema(atlas, {"properties": {"id": {"pattern": "^st-"}}})

    answer = atlas.nadia("POST", atlas.records, {"data": {}})

    assert answer.status_code == 201


def test_records_are_stamped_with_the_version(atlas: Atlas) -> None:
    """SCH-6, SCH-10: any change of the collection makes one; one can ask by it."""
    first = with_schema(atlas, TITLED)
    old = atlas.record("old", {"title": "x", "schema": 7})
    second = revision_of(atlas.nadia("PATCH", atlas.collection, {"data": {"colour": "red"}}))
    new = atlas.record("new", {"title": "x"})

    assert (old["schema"], new["schema"]) == (first, second)
    assert ids(atlas.nadia("GET", f"{atlas.records}?min_schema={second}")) == ["new"]
    assert ids(atlas.nadia("GET", f"{atlas.records}?lt_schema={second}")) == ["old"]


def test_records_without_a_stamp(atlas: Atlas) -> None:
    """SCH-10: are missing one: the greatest."""
    atlas.record("none")
    version = with_schema(atlas, {})
    atlas.record("some")

    assert set(ids(atlas.nadia("GET", f"{atlas.records}?min_schema={version}"))) == {"none", "some"}
    assert ids(atlas.nadia("GET", f"{atlas.records}?lt_schema={version + 1}")) == ["some"]


def test_an_empty_schema_takes_everything(atlas: Atlas) -> None:
    """SCH-7: and stamps it."""
    version = with_schema(atlas, {})

    assert atlas.record("a", {"n": [None]})["schema"] == version


@pytest.mark.parametrize(
    ("schema", "fields", "name", "words"),
    [
        (TITLED, {"b": 1}, "title", "'title' is a required property"),
        ({"required": ["a", "title"]}, {"a": 1}, "title", "'title' is a required property"),
        (TITLED, {"title": 1}, "title", "1 is not of type 'string'"),
        ({"additionalProperties": False}, {"n": 1}, "additionalProperties", ""),
        ({"properties": {"o": {"required": ["k"]}}}, {"o": {}}, "o", "'k' is a required property"),
        ({"properties": {"l": {"items": {"type": "null"}}}}, {"l": [None, 2]}, 1, ""),
    ],
)
def test_what_is_said_of_a_record_that_does_not_fit(
    atlas: Atlas, schema: Any, fields: dict[str, Any], name: Any, words: str
) -> None:
    """SCH-8, ERR-20, Statement 15: one entry, in the validator's words."""
    with_schema(atlas, schema)

    answer = atlas.nadia("POST", atlas.records, {"data": fields})

    [told] = answer.json()["details"]
    assert (told["location"], told["name"]) == ("body", name)
    assert words in told["description"]
    assert answer.json()["error"] == "Invalid parameters"


@pytest.mark.parametrize("reference", ["#/definitions/none", "http://127.0.0.1:9/schema.json"])
def test_references_that_lead_nowhere(atlas: Atlas, reference: str) -> None:
    """SCH-9: taken with the schema, refused with each record; none is fetched."""
    saved = atlas.nadia("PATCH", atlas.collection, {"data": {"schema": {"$ref": reference}}})

    answer = atlas.nadia("POST", atlas.records, {"data": {"n": 1}})

    assert saved.status_code == 200
    assert detail(answer)["name"] == "schema"


def test_both_schemas_count(atlas: Atlas) -> None:
    """Section 15, Statement 18: of collection and bucket; the latter stamps nothing."""
    data(atlas.nadia("PATCH", atlas.bucket, {"data": {"record:schema": {"required": ["b"]}}}))
    alone = [atlas.nadia("POST", atlas.records, {"data": each}) for each in ({}, {"b": 1})]
    with_schema(atlas, {"required": ["a"]})
    both = [
        atlas.nadia("POST", atlas.records, {"data": each})
        for each in ({"a": 1}, {"b": 1}, {"a": 1, "b": 1})
    ]

    assert [answer.status_code for answer in (*alone, *both)] == [400, 201, 400, 400, 201]
    assert "schema" not in data(alone[1])
    # The collection's is asked first.
    assert [detail(answer)["name"] for answer in both[:2]] == ["b", "a"]


@pytest.mark.parametrize(
    ("field", "path", "fits"),
    [
        ("collection:schema", "{bucket}/collections/tides", {"title": "x"}),
        ("group:schema", "{bucket}/groups/crew", {"title": "x", "members": []}),
    ],
)
def test_schemas_of_the_bucket_for_what_is_in_it(
    atlas: Atlas, field: str, path: str, fits: dict[str, Any]
) -> None:
    """Section 15, SCH-5, Statement 19: without `last_modified`; by PUT and PATCH."""
    strict = {**TITLED, "additionalProperties": {"type": "array"}}
    data(atlas.nadia("PATCH", atlas.bucket, {"data": {field: strict}}))
    path = atlas.path(path)

    refused = atlas.nadia("PUT", path, {"data": without(fits, "title")})
    made = atlas.nadia("PUT", path, {"data": fits})
    patched = atlas.nadia("PATCH", path, {"data": {"title": 1}})

    assert made.status_code == 201, made.text
    assert [detail(answer)["name"] for answer in (refused, patched)] == ["title", "title"]


def test_the_schema_of_that_moment_counts(atlas: Atlas) -> None:
    """E-3, SCH-11: one saved just before is known to the next write."""
    for number in range(5):
        schema = {"required": [f"f{number}"]}
        version = with_schema(atlas, schema)
        assert atlas.nadia("POST", atlas.records).status_code == 400
        assert atlas.record("a", {f"f{number}": 1})["schema"] == version
