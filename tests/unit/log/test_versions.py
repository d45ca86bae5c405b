"""Versions of values: old ones are lifted step by step, later ones are refused."""

import pytest

from muniment.log.versions import Fields, UnknownVersion, dataschema, upcast

TYPE = "muniment.record.created"


def add_colour(fields: Fields) -> Fields:
    return {**fields, "colour": "none"}


def rename_colour(fields: Fields) -> Fields:
    return {"id": fields["id"], "color": fields["colour"]}


UPCASTS = {(TYPE, 1): add_colour, (TYPE, 2): rename_colour}


def test_an_old_value_goes_through_every_step() -> None:
    """No reader knows any form but the current one."""
    fields = upcast(TYPE, dataschema(TYPE, 1), {"id": 1}, upcasts=UPCASTS, current=3)

    assert fields == {"id": 1, "color": "none"}


def test_a_value_of_a_version_between_goes_through_the_rest() -> None:
    """Its own step is the first."""
    fields = upcast(
        TYPE, dataschema(TYPE, 2), {"id": 1, "colour": "red"}, upcasts=UPCASTS, current=3
    )

    assert fields == {"id": 1, "color": "red"}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(dataschema(TYPE, 4), id="a later version"),
        pytest.param(dataschema(TYPE, 0), id="a version before the first"),
        pytest.param(dataschema("muniment.bucket.created", 3), id="another type"),
        pytest.param("urn:somebody:else", id="another schema"),
    ],
)
def test_an_unknown_version_is_refused(schema: str) -> None:
    """An older program must not misread what a later one wrote."""
    with pytest.raises(UnknownVersion):
        upcast(TYPE, schema, {}, upcasts=UPCASTS, current=3)


def test_a_version_without_a_step_is_refused() -> None:
    """Its upcast was forgotten."""
    with pytest.raises(UnknownVersion):
        upcast(TYPE, dataschema(TYPE, 1), {}, upcasts={}, current=2)
