"""`_fields`: contract section 10.6."""

from typing import Final

import pytest

from muniment.domain.values import JsonObject
from muniment.readmodel.lists.fields import project, project_list

DATA: Final[JsonObject] = {
    "id": "a",
    "last_modified": 7,
    "b": {"c": 1, "d": {"e": 2, "f": 3}, "g": 4},
    "list": [{"x": 1}],
    "n": None,
    "deleted": True,
}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("n", {"n": None}),
        ("nope", {}),
        ("deleted", {"deleted": True}),
        ("b.c", {"b": {"c": 1}}),
        ("b.c,b.g", {"b": {"c": 1, "g": 4}}),
        ("b.d.e,b.d.f", {"b": {"d": {"e": 2, "f": 3}}}),
        ("b.nope", {"b": {}}),
        ("n.x", {"n": None}),
        ("list.x", {"list": [{"x": 1}]}),
        ("b,b.c", {"b": DATA["b"]}),
        ("b.c,b", {"b": DATA["b"]}),
    ],
)
def test_only_the_fields_asked_for_are_shown(fields: str, shown: JsonObject) -> None:
    """QF-1, QF-2, QF-3."""
    paths = [tuple(field.split(".")) for field in fields.split(",")]

    assert project(DATA, paths) == {"id": "a", "last_modified": 7, **shown}


def test_all_objects_of_a_list_are_projected() -> None:
    """QF-3: `deleted` of tombstones is dropped unless asked for."""
    body = b'{"data":[{"id":"a","last_modified":1,"deleted":true}]}'

    assert project_list(body, [("x",)]) == b'{"data":[{"id":"a","last_modified":1}]}'
