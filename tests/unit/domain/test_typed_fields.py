"""Typed fields of collections and buckets, and records under schemas (contract 12.1, 15)."""

from typing import Final

import pytest

from muniment.domain.addresses import Address, Kind
from muniment.domain.commands import Command
from muniment.domain.events import ObjectChanged
from muniment.domain.refusals import Invalid
from muniment.domain.states import ABSENT, Present, Scene, State
from muniment.domain.values import JsonObject, JsonValue
from tests.support.deciding import (
    BUCKET,
    COLLECTION,
    EARLIER,
    NOW,
    Asked,
    ask,
    changed,
    decided,
    present,
    scene,
)

TITLE: Final[JsonObject] = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
}
CHANGED_AT: Final = EARLIER - 5_000
TYPED: Final = present(COLLECTION, at=CHANGED_AT, schema=TITLE)
MISSING_TITLE: Final = ("body", "title", "'title' is a required property")


def is_taken(scene: Scene, command: Command) -> bool:
    return isinstance(decided(scene, command), ObjectChanged)


def faults(scene: Scene, command: Command) -> list[tuple[str, str | int | None, str]]:
    decision = decided(scene, command)
    assert isinstance(decision, Invalid), decision
    return [(fault.location, fault.name, fault.description) for fault in decision.faults]


def collections(target: State = ABSENT, *, bucket: Present | None = None) -> Scene:
    return scene(target, kind=Kind.COLLECTION, bucket=bucket or present(BUCKET))


OF_COLLECTION: Final = Asked(address=COLLECTION)

# --- cache_expires --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        pytest.param(60, 60, id="integer"),
        pytest.param(0, 0, id="zero"),
        pytest.param("60", 60, id="numeric-text"),
        pytest.param(" -60 ", -60, id="signed-text"),
        pytest.param(1.5, 1, id="float"),
        pytest.param(999_999_999_999_999, 999_999_999_999_999, id="the-greatest"),
    ],
)
def test_cache_expires_is_stored_as_an_integer(given: JsonValue, stored: int) -> None:
    """COL-3."""
    event = changed(collections(), OF_COLLECTION.put({"cache_expires": given}))

    assert event.after.data["cache_expires"] == stored


def test_cache_expires_of_null_is_dropped() -> None:
    """COL-3."""
    event = changed(collections(), OF_COLLECTION.create({"cache_expires": None}))

    assert "cache_expires" not in event.after.data


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("abc", id="text"),
        pytest.param("", id="empty"),
        pytest.param("+-5", id="two-signs"),
        pytest.param("٣٤", id="foreign-digits"),
        pytest.param("9" * 40, id="long-text"),
        pytest.param(True, id="true"),
        pytest.param([60], id="list"),
        pytest.param({"s": 60}, id="object"),
        pytest.param(1e300, id="huge-float"),
        pytest.param(-1e300, id="huge-negative-float"),
        pytest.param(10**15, id="huge-integer"),
    ],
)
@pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param("create", "data.cache_expires", id="post"),
        pytest.param("put", "data.cache_expires", id="put"),
        pytest.param("patch", "cache_expires", id="patch"),
        pytest.param("merge", "cache_expires", id="merge"),
    ],
)
def test_cache_expires_that_is_no_number_of_seconds_is_refused(
    method: str, name: str, given: JsonValue
) -> None:
    """COL-3, ERR-17, ERR-18: also what no JSON on the log could hold."""
    target = ABSENT if method == "create" else present(COLLECTION)
    command = getattr(OF_COLLECTION, method)({"cache_expires": given})

    [(location, named, _)] = faults(collections(target), command)

    assert (location, named) == ("body", name)


def test_elsewhere_cache_expires_is_a_field_like_others() -> None:
    """Only collections have it."""
    assert changed(scene(), ask().create({"cache_expires": "abc"})).after.data["cache_expires"] == (
        "abc"
    )


# --- saving a schema ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "field"),
    [
        pytest.param(COLLECTION, "schema", id="collection-schema"),
        pytest.param(BUCKET, "record:schema", id="bucket-record:schema"),
        pytest.param(BUCKET, "collection:schema", id="bucket-collection:schema"),
        pytest.param(BUCKET, "group:schema", id="bucket-group:schema"),
    ],
)
@pytest.mark.parametrize("invalid", [None, "text", [], {"type": "nonsense"}, {"required": 5}])
@pytest.mark.parametrize(
    ("method", "prefix"),
    [pytest.param("put", "data.", id="put"), pytest.param("patch", "", id="patch")],
)
def test_an_invalid_schema_is_refused(
    method: str, prefix: str, invalid: JsonValue, address: Address, field: str
) -> None:
    """SCH-1, ERR-21: by PUT and plain PATCH `null` too."""
    around = scene(present(address), kind=address.kind)
    command = getattr(Asked(address=address), method)({field: invalid})

    [(location, name, _)] = faults(around, command)

    assert (location, name) == ("body", f"{prefix}{field}")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(OF_COLLECTION.merge({"schema": None}), id="merge-null"),
        pytest.param(OF_COLLECTION.put({}), id="put-without-it"),
        pytest.param(
            OF_COLLECTION.json_patch({"op": "remove", "path": "/data/schema"}), id="json-patch"
        ),
    ],
)
def test_a_schema_is_removed(command: Command) -> None:
    """SCH-1, SCH-7, COL-4."""
    event = changed(collections(TYPED), command)

    assert "schema" not in event.after.data


def test_a_buckets_schema_holds_for_its_collections() -> None:
    """`collection:schema`; PATCH names the field as POST does."""
    above = present(BUCKET, more={"collection:schema": TITLE})

    assert faults(collections(bucket=above), OF_COLLECTION.create({})) == [MISSING_TITLE]
    assert is_taken(collections(bucket=above), OF_COLLECTION.create({"title": "Bay"}))


# --- records under schemas ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "command"),
    [
        pytest.param(ABSENT, ask().create({"depth": 3}), id="post"),
        pytest.param(ABSENT, ask().put({}), id="put-creates"),
        pytest.param(present(title="Bay"), ask().put({}), id="put"),
        pytest.param(present(title="Bay"), ask().patch({"title": 5}), id="patch"),
        pytest.param(present(title="Bay"), ask().merge({"title": None}), id="merge"),
        pytest.param(
            present(title="Bay"),
            ask().json_patch({"op": "remove", "path": "/data/title"}),
            id="json-patch",
        ),
        pytest.param(
            present(depth=3), ask().patch(None, {"read": ["account:omar"]}), id="permissions-only"
        ),
        pytest.param(present(depth=3), ask().put(None), id="put-without-data"),
    ],
)
def test_a_record_is_held_against_the_schema_as_it_would_be(
    target: State, command: Command
) -> None:
    """SCH-3, SCH-4: also where only permissions change; the name is told without `data.`."""
    [(location, name, _)] = faults(scene(target, collection=TYPED), command)

    assert (location, name) == ("body", "title")


def test_the_seeds_case_is_told_in_its_words() -> None:
    """SCH-8 [S]."""
    assert faults(scene(collection=TYPED), ask().create({"depth": 3})) == [MISSING_TITLE]


@pytest.mark.parametrize(
    ("target", "command"),
    [
        pytest.param(ABSENT, ask().create({"title": "Bay", "schema": 5}), id="post"),
        pytest.param(present(title="Bay", schema=1), ask().put({"title": "Bay"}), id="put"),
        pytest.param(present(title="Bay"), ask().patch({"depth": 1}), id="patch"),
    ],
)
def test_a_record_that_fits_is_stamped(target: State, command: Command) -> None:
    """SCH-6: with the collection object's `last_modified`, whatever the client sent."""
    event = changed(scene(target, collection=TYPED), command)

    assert event.after.data["schema"] == CHANGED_AT


def test_an_empty_schema_stamps_too() -> None:
    """SCH-7."""
    typed = present(COLLECTION, at=CHANGED_AT, schema={})

    assert changed(scene(collection=typed), ask().create({})).after.data["schema"] == CHANGED_AT


def test_without_a_schema_an_old_stamp_stays() -> None:
    """SCH-7: and `schema` is a free field."""
    event = changed(scene(present(schema=5)), ask().patch({"a": 1}))

    assert event.after.data == {
        "id": "st-042",
        "last_modified": NOW,
        "schema": 5,
        "a": 1,
    }


def test_the_buckets_record_schema_is_asked_second() -> None:
    """Both must pass; it stamps nothing."""
    above = present(BUCKET, more={"record:schema": {"required": ["depth"]}})
    around = scene(bucket=above, collection=TYPED)

    assert faults(around, ask().create({})) == [MISSING_TITLE]
    assert faults(around, ask().create({"title": "Bay"}))[0][1] == "depth"
    assert "schema" not in changed(scene(bucket=above), ask().create({"depth": 1})).after.data


def test_the_servers_own_fields_are_not_held_against_the_schema() -> None:
    """SCH-5: `additionalProperties: false` refuses neither `id` nor `last_modified`."""
    strict = present(
        COLLECTION, schema={"properties": {"title": {}}, "additionalProperties": False}
    )

    assert is_taken(scene(collection=strict), ask().create({"title": "Bay"}))


def test_a_changed_schema_holds_at_once() -> None:
    """A compiled schema is found by its collection's life and version."""
    looser = present(COLLECTION, at=CHANGED_AT + 1, schema={})

    assert faults(scene(collection=TYPED), ask().create({})) == [MISSING_TITLE]
    assert is_taken(scene(collection=looser), ask().create({}))


@pytest.mark.parametrize("reference", ["#/nowhere", "https://example.org/schema.json"])
def test_a_reference_that_leads_nowhere_fails_each_write(reference: str) -> None:
    """SCH-9: nothing is fetched."""
    typed = present(COLLECTION, schema={"$ref": reference})

    [(location, name, _)] = faults(scene(collection=typed), ask().create({}))

    assert (location, name) == ("body", "schema")
