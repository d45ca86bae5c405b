"""Listings: what their query strings ask for, and the places where pages end (section 5)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from muniment.dataforce.errors import invalid, unprocessable
from muniment.web.http import Query

PAGE: Final = 50
PAGE_MAX: Final = 100

_ASKS_FOR_A_PAGE: Final = frozenset({"limit", "cursor", "order", "sort_by", "search"})
_REPEATED: Final = frozenset({"types", "tags"})
_INTEGER_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """Something that listings are sorted by."""

    expression: str
    type: Literal["text", "bigint"]


COLUMNS: Final[Mapping[str, Column]] = {
    "created_at": Column("chosen.created_at", "bigint"),
    "name": Column("chosen.name", "text"),
    "description": Column("chosen.description", "text"),
    "type": Column("chosen.kind", "text"),
    "total": Column("{total}", "bigint"),
}
"""By the names that cursors have them under."""

_SORTS: Final[Mapping[str, str]] = {
    "created_at": "created_at",
    "name": "name",
    "description": "description",
    "type": "type",
    "collection_type": "type",
    "total_models": "total",
    "total_artifacts": "total",
}

Place = tuple[str | int, str]
"""The last row of a page: its value of the sort column, and its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which collections are wanted, and in which order."""

    limit: int | None
    """`None` for all of them: the plain array of older clients."""
    order: str = "desc"
    sort_by: str = "created_at"
    after: Place | None = None
    search: str = ""
    kinds: Sequence[str] = ()
    tags: Sequence[str] = ()


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


_Limit = Annotated[int, Field(ge=1, le=PAGE_MAX)]


class _Asked(BaseModel):
    limit: Annotated[_Limit | None, BeforeValidator(_none_if_empty)] = None
    order: Annotated[Literal["asc", "desc"] | None, BeforeValidator(_none_if_empty)] = None
    sort_by: Annotated[
        Literal[
            "created_at",
            "name",
            "description",
            "type",
            "collection_type",
            "total_models",
            "total_artifacts",
        ]
        | None,
        BeforeValidator(_none_if_empty),
    ] = None
    cursor: str = ""
    search: str = ""


def read_listing(query: Query, *, is_always_page: bool) -> Listing:
    """What a listing's query asks for. Raises `DataForceError`."""
    for name, value in query:
        if "\0" in value:  # No text that is kept holds it, and Postgres refuses it.
            raise unprocessable(["query", name], "Input should hold no U+0000", "value_error")
    given = {name: value for name, value in query if name not in _REPEATED}
    try:
        asked = _Asked.model_validate(given)
    except ValidationError as error:
        raise invalid("query", error) from error
    sort_by = _SORTS[asked.sort_by or "created_at"]
    is_page = is_always_page or not _ASKS_FOR_A_PAGE.isdisjoint(given)
    return Listing(
        limit=(asked.limit or PAGE) if is_page else None,
        order=asked.order or "desc",
        sort_by=sort_by,
        after=read_cursor(asked.cursor, sort_by),
        search=asked.search,
        kinds=tuple(value for name, value in query if name == "types" and value),
        tags=tuple(value for name, value in query if name == "tags" and value),
    )


def write_cursor(place: Place, sort_by: str) -> str:
    """The place as a text that needs no escaping in URLs."""
    value, id_ = place
    return base64.urlsafe_b64encode(orjson.dumps([id_, value, sort_by])).decode().rstrip("=")


def read_cursor(text: str, sort_by: str) -> Place | None:
    """The place; `None` for what nobody handed out for this order: the listing begins anew."""
    padded = text + "=" * (-len(text) % 4)
    try:
        found = orjson.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    match found:
        case [str(id_), str(value), str(column)] if COLUMNS[sort_by].type == "text":
            is_good = column == sort_by and "\0" not in id_ + value
        case [str(id_), int(value), str(column)] if COLUMNS[sort_by].type == "bigint":
            is_good = column == sort_by and "\0" not in id_ and abs(value) <= _INTEGER_MAX
        case _:
            return None
    return (value, id_) if is_good else None
