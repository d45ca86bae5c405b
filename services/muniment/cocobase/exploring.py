"""What no client calls: groups, the shape of a collection, and its export (contract section 11)."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import orjson

from muniment.cocobase.errors import unprocessable
from muniment.cocobase.filters.conditions import EVERYTHING
from muniment.cocobase.filters.parsing import parameter_name
from muniment.cocobase.listing import NOT_FILTERS, Listing, read_condition, read_listing
from muniment.cocobase.projects import Projects
from muniment.cocobase.reading import Reading
from muniment.cocobase.relations import Relations, Row, plural
from muniment.cocobase.views import flat
from muniment.domain.values import JsonObject, JsonValue
from muniment.web.http import Request, Response

DOCUMENTS_LOOKED_AT: Final = 100
EXPORTED_MAX: Final = 10_000
GROUPS_MAX: Final = 10_000
SAMPLES_MAX: Final = 3

_FIRST: Final = Listing(
    condition=EVERYTHING, sort=None, is_descending=False, limit=DOCUMENTS_LOOKED_AT, offset=0
)

_REFERENCES: Final = {"_id": "one", "_ids": "many"}


class ExploringCalls:
    """Answers these calls; raises `CocoBaseError` and `Unavailable`."""

    def __init__(self, *, projects: Projects, reading: Reading, relations: Relations) -> None:
        self._projects = projects
        self._reading = reading
        self._relations = relations

    async def group(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}/query/documents/group-by`."""
        project = await self._projects.of(request)
        field = _given(request, "field")
        if not field:
            raise unprocessable(("query", "field"), "Field required", "missing")
        condition = read_condition(request, not_filters=NOT_FILTERS | {"field", "count_field"})
        collection = await self._reading.collection(project, names["collection"], to="read")
        condition = await self._relations.related_condition(project, condition)
        groups = await self._reading.groups(collection, field, condition, limit=GROUPS_MAX)
        return Response(body=groups)

    async def describe(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}/query/schema`."""
        project = await self._projects.of(request)
        collection = await self._reading.collection(project, names["collection"], to="read")
        documents = await self._reading.parsed_documents(collection, _FIRST)
        fields = described([_data(each) for each in documents])
        told: JsonObject = {
            "collection": collection.name,
            "document_count": await self._reading.document_count(collection),
            "fields": fields,
            "detected_relationships": _relationships(fields),
        }
        return Response(body=orjson.dumps(told))

    async def export(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}/export`."""
        project = await self._projects.of(request)
        form = _given(request, "format") or "json"
        if form not in ("json", "csv"):
            where = ("query", "format")
            raise unprocessable(where, "Input should be 'json' or 'csv'", "literal_error")
        listing = read_listing(request, not_filters=NOT_FILTERS | {"format"}, limit=EXPORTED_MAX)
        collection = await self._reading.collection(project, names["collection"], to="read")
        condition = await self._relations.related_condition(project, listing.condition)
        listing = replace(listing, condition=condition)
        documents = await self._reading.parsed_documents(collection, listing)
        rows = [flat(each) for each in documents]
        body = _csv(rows) if form == "csv" else orjson.dumps(rows)
        media_type = "text/csv; charset=utf-8" if form == "csv" else "application/json"
        headers = {
            "Content-Type": media_type,
            "Content-Disposition": f'attachment; filename="{collection.id}.{form}"',
        }
        return Response(headers=headers, body=body)


def described(documents: Sequence[JsonObject]) -> dict[str, JsonValue]:
    """Field to its types, whether it may be null or missing, and some values."""
    fields: dict[str, JsonValue] = {}
    for name in dict.fromkeys(name for document in documents for name in document):
        values = [document.get(name) for document in documents]
        there = [value for value in values if value is not None]
        samples = {orjson.dumps(value): value for value in there}
        fields[name] = {
            "types": sorted({_type(value) for value in there}),
            "nullable": len(there) < len(values),
            "samples": list(samples.values())[:SAMPLES_MAX],
        }
    return fields


def _relationships(fields: Mapping[str, JsonValue]) -> list[JsonValue]:
    return [
        {"field": name, "collection": plural(name.removesuffix(ending)), "type": kind}
        for name in fields
        for ending, kind in _REFERENCES.items()
        if name.endswith(ending) and name != ending
    ]


def _type(value: JsonValue) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case None:
            return "null"
        case _:
            return "array"


def _csv(rows: Sequence[Row]) -> bytes:
    """All fields that a row has, in the order of their first; what is no text is JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return text.getvalue().encode()


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _data(document: JsonObject) -> JsonObject:
    data = document["data"]
    assert isinstance(data, Mapping)  # noqa: S101 - it is a document's
    return data


def _given(request: Request, name: str) -> str:
    return next((text for key, text in request.query if parameter_name(key) == name), "")
