"""What the demo loads: the languages of ISO 639-3, the countries and subdivisions of ISO 3166."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pycountry

TEXT: Final = {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One collection: its schema, and its records with their ids."""

    id: str
    schema: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]


def data_set(limit: int | None = None) -> tuple[Table, ...]:
    """All tables, at most `limit` records of each."""
    return (
        _table("languages", pycountry.languages, id_field="alpha_3", schema=LANGUAGE, limit=limit),
        _table("countries", pycountry.countries, id_field="alpha_2", schema=COUNTRY, limit=limit),
        _table(
            "subdivisions", pycountry.subdivisions, id_field="code", schema=SUBDIVISION, limit=limit
        ),
    )


def _table(
    id: str,  # noqa: A002 - the word for it
    entries: Iterable[Iterable[tuple[str, Any]]],
    id_field: str,
    *,
    schema: Mapping[str, Any],
    limit: int | None,
) -> Table:
    fields = [
        # A subdivision's `parent` is a Python object; `parent_code` says the same.
        {name: value for name, value in entry if value is None or isinstance(value, str)}
        for entry in entries
    ]
    records = tuple({"id": each[id_field], **each} for each in fields[:limit])
    return Table(id=id, schema=schema, records=records)


def _object(required: Mapping[str, Any], optional: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {"id": TEXT, **required, **optional},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _code(pattern: str) -> Mapping[str, Any]:
    return {"type": "string", "pattern": pattern}


LANGUAGE: Final = _object(
    {
        "alpha_3": _code("^[a-z]{3}$"),
        "name": TEXT,
        "scope": {"enum": ["I", "M", "S"]},
        "type": {"enum": ["A", "C", "E", "H", "L", "S"]},
    },
    {
        "alpha_2": _code("^[a-z]{2}$"),
        "bibliographic": _code("^[a-z]{3}$"),
        "common_name": TEXT,
        "inverted_name": TEXT,
    },
)
COUNTRY: Final = _object(
    {
        "alpha_2": _code("^[A-Z]{2}$"),
        "alpha_3": _code("^[A-Z]{3}$"),
        "name": TEXT,
        "numeric": _code("^[0-9]{3}$"),
    },
    {"common_name": TEXT, "flag": TEXT, "official_name": TEXT},
)
SUBDIVISION: Final = _object(
    {
        "code": _code("^[A-Z]{2}-[A-Z0-9]{1,3}$"),
        "country_code": _code("^[A-Z]{2}$"),
        "name": TEXT,
        "type": TEXT,
    },
    {"parent_code": {"type": ["string", "null"]}},
)
