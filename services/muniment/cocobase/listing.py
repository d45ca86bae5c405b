"""Parameters of a listing: page, order and filter (contract section 6)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from muniment.cocobase.errors import CocoBaseError, unprocessable
from muniment.cocobase.filters.conditions import Condition
from muniment.cocobase.filters.parsing import parameter_name, parse_filter
from muniment.web.http import Request

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
OFFSET_MAX: Final = 2**63 - 1

PAGE_NAMES: Final = frozenset(
    {"limit", "offset", "sort", "sort_by", "order", "sort_order", "populate", "select"}
)
NOT_FILTERS: Final = PAGE_NAMES | {"id"}

OPERATIONS: Final = ("count", "sum", "avg", "min", "max")

CREATED_AT: Final = "created_at"

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,30}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is asked of a listing."""

    condition: Condition
    sort: str | None
    """A field of the documents; `None`: when they were written."""
    is_descending: bool
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """What is asked of all documents that a condition holds for."""

    condition: Condition
    field: str
    operation: str


def read_listing(
    request: Request, *, not_filters: Collection[str] = NOT_FILTERS, limit: int | None = None
) -> Listing:
    """What the query asks for, with a limit of its own unless one is given here.

    Raises `CocoBaseError` for a page or an order that cannot be.
    """
    given = _given(request)
    sort = given.get("sort") or given.get("sort_by")
    order = given.get("order") or given.get("sort_order") or "desc"
    if order not in ("asc", "desc"):
        raise _out_of_range("order", "Input should be 'asc' or 'desc'", "literal_error")
    return Listing(
        condition=read_condition(request, not_filters=not_filters),
        sort=None if sort == CREATED_AT else sort,
        is_descending=order == "desc",
        limit=limit or _integer(given, "limit", default=LIMIT_DEFAULT, least=1, most=LIMIT_MAX),
        offset=_integer(given, "offset", default=0, least=0, most=OFFSET_MAX),
    )


def read_condition(request: Request, *, not_filters: Collection[str] = NOT_FILTERS) -> Condition:
    """The filter alone: page and order are of no interest to a count."""
    return parse_filter(request.query, not_filters=not_filters)


def read_aggregation(request: Request) -> Aggregation:
    """What the query asks for. Raises `CocoBaseError`."""
    given = _given(request)
    field = given.get("field")
    if not field:
        raise unprocessable(("query", "field"), "Field required", "missing")
    operation = given.get("operation", "")
    if operation not in OPERATIONS:
        told = ", ".join(OPERATIONS)
        raise _out_of_range("operation", f"Input should be one of {told}", "literal_error")
    not_filters = NOT_FILTERS | {"field", "operation"}
    return Aggregation(
        condition=parse_filter(request.query, not_filters=not_filters),
        field=field,
        operation=operation,
    )


def _given(request: Request) -> Mapping[str, str]:
    """The last text of each parameter."""
    return {parameter_name(name): text for name, text in request.query}


def _integer(given: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None:
        raise _out_of_range(name, "Input should be a valid integer", "int_parsing")
    if not least <= number <= most:
        raise _out_of_range(name, f"Input should be {least} to {most}", "out_of_range")
    return number


def _out_of_range(name: str, message: str, kind: str) -> CocoBaseError:
    return unprocessable(("query", name), message, kind)
