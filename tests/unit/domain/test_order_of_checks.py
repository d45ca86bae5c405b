"""A request that breaks several rules gets the answer of the first (contract 2.3)."""

from dataclasses import replace
from typing import Final

import pytest

from muniment.domain.addresses import Address, CollectionId, group, record
from muniment.domain.commands import Command
from muniment.domain.decisions import LookUp
from muniment.domain.refusals import (
    INVALID_ID,
    CollectionMissing,
    Fault,
    Invalid,
    NotAllowed,
    ObjectMissing,
    ObjectModified,
    TimestampTaken,
)
from muniment.domain.rules import Rules
from muniment.domain.states import ABSENT
from muniment.domain.values import JsonObject, Timestamp
from tests.support.deciding import (
    COLLECTION,
    EARLIER,
    LIST_AT,
    NADIA,
    OMAR,
    RECORD,
    Asked,
    decided,
    present,
    scene,
)

FAULT: Final = Fault(location="header", name="If-Match", description="bad")
BAD_ID: Final = record("atlas", "stations", "no id!")
TYPED: Final = present(COLLECTION, schema={"type": "object", "required": ["title"]})
GROUP: Final = group("atlas", "curators")
PAST: Final = EARLIER - 1_000
DATA: Final[JsonObject] = {"last_modified": PAST}
"""Breaks the schema, and wants a timestamp that is taken."""


def commands(asked: Asked) -> dict[str, Command]:
    return {
        "create": asked.create(DATA),
        "put": asked.put(DATA),
        "patch": asked.patch({"last_modified": EARLIER + 1}),
        "delete": asked.delete(EARLIER + 1),
    }


METHODS = pytest.mark.parametrize("method", ["create", "put", "patch", "delete"])
OBJECT_METHODS = pytest.mark.parametrize("method", ["put", "patch", "delete"])

ALL_WRONG: Final = Asked(by=OMAR, faults=(FAULT,), if_match=1)
"""No right, faulty, a precondition that fails; the objects and data below break the rest."""


@METHODS
def test_a_missing_collection_comes_first(method: str) -> None:
    """Before permissions: anyone learns it (D-2, ERR-16)."""
    command = commands(replace(ALL_WRONG, address=BAD_ID))[method]

    assert decided(scene(collection=None), command) == CollectionMissing(CollectionId("stations"))


def test_an_invalid_id_of_a_post_comes_before_permissions() -> None:
    """Step 4."""
    command = commands(replace(ALL_WRONG, address=BAD_ID))["create"]

    assert decided(scene(), command) == Invalid((INVALID_ID,))


@METHODS
def test_the_right_comes_before_what_is_wrong_with_the_request(method: str) -> None:
    """Step 5: a body that is not JSON, sent without permission, gets 403."""
    assert decided(scene(present()), commands(ALL_WRONG)[method]) == NotAllowed()


@OBJECT_METHODS
def test_faults_come_before_the_id_in_the_url(method: str) -> None:
    """Step 7: all of them at once."""
    command = commands(replace(ALL_WRONG, by=NADIA, address=BAD_ID))[method]

    assert decided(scene(), command) == Invalid((FAULT,))


@OBJECT_METHODS
def test_the_id_in_the_url_comes_before_existence(method: str) -> None:
    """Step 8."""
    command = commands(Asked(if_match=1, address=BAD_ID))[method]

    assert decided(scene(), command) == Invalid((INVALID_ID,))


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_existence_comes_before_preconditions(method: str) -> None:
    """Step 9."""
    assert decided(scene(), commands(Asked(if_match=1))[method]) == ObjectMissing(RECORD)


@pytest.mark.parametrize("method", ["create", "put"])
@pytest.mark.parametrize(
    ("address", "data", "name"),
    [
        pytest.param(COLLECTION, {"cache_expires": "soon"}, "data.cache_expires", id="seconds"),
        pytest.param(COLLECTION, {"schema": {"type": "x"}}, "data.schema", id="schema"),
        pytest.param(GROUP, {"members": [1]}, "data.members.0", id="members"),
        pytest.param(RECORD, {"last_modified": 10**15}, "data.last_modified", id="timestamp"),
    ],
)
def test_typed_fields_come_before_preconditions(
    method: str, address: Address, data: JsonObject, name: str
) -> None:
    """Step 7, ERR-17: they are of the body's form, and told with all else that is wrong."""
    asked = Asked(address=address, if_match=1, faults=(FAULT,))
    command = asked.create(data) if method == "create" else asked.put(data)

    decision = decided(scene(present(address), kind=address.kind), command)

    assert isinstance(decision, Invalid)
    assert [fault.name for fault in decision.faults] == ["If-Match", name]


@METHODS
def test_preconditions_come_before_the_schema(method: str) -> None:
    """Step 10."""
    target = present(name="Cove")

    decision = decided(scene(target, collection=TYPED), commands(Asked(if_match=1))[method])

    assert decision == ObjectModified(current=EARLIER, existing=target.data)


@pytest.mark.parametrize("method", ["create", "put", "patch"])
def test_the_schema_comes_before_uniqueness(method: str) -> None:
    """Step 11."""
    target = ABSENT if method == "create" else present()
    around = scene(target, collection=TYPED, taken=[PAST, EARLIER + 1])

    decision = decided(around, commands(Asked())[method])

    assert isinstance(decision, Invalid)
    assert decision.faults[0].name == "title"


@pytest.mark.parametrize("method", ["create", "patch", "delete"])
def test_uniqueness_comes_last(method: str) -> None:
    """Step 12."""
    target = ABSENT if method == "create" else present()
    wanted = Timestamp(PAST if method == "create" else EARLIER + 1)
    command = commands(Asked())[method]

    assert decided(scene(target), command) == LookUp(wanted)
    assert decided(scene(target, taken=[wanted]), command) == TimestampTaken(wanted)


def test_without_enforced_schemas_a_record_is_neither_checked_nor_stamped() -> None:
    """Section 15: with the setting off, a schema is a field like others."""
    rules = Rules(validates_records=False)

    decision = decided(scene(collection=TYPED), Asked().create({"a": 1}), rules=rules)

    assert "schema" not in getattr(decision, "after").data  # noqa: B009 - a change, or it fails


def test_a_timestamp_above_the_list_needs_no_look() -> None:
    """Nobody can have it."""
    command = Asked().create({"last_modified": LIST_AT + 1})

    assert not isinstance(decided(scene(), command), LookUp)
