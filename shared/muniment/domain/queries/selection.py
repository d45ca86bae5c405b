"""What a request selects from a list, parsed: filters, order, page and fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from muniment.domain.values import JsonValue, Timestamp

Path: TypeAlias = tuple[str, ...]
"""A field, and the fields within it: `a.b` is `("a", "b")`."""

ID: Final[Path] = ("id",)
LAST_MODIFIED: Final[Path] = ("last_modified",)
COLUMNS: Final = (ID, LAST_MODIFIED)
"""The fields that every object has, and that are columns of their own."""


class Operator(StrEnum):
    """How a filter compares; the values are the prefixes in the query string."""

    EQ = "eq"
    NOT = "not"
    GT = "gt"
    MIN = "min"
    LT = "lt"
    MAX = "max"
    IN = "in"
    EXCLUDE = "exclude"
    LIKE = "like"
    HAS = "has"
    CONTAINS = "contains"
    CONTAINS_ANY = "contains_any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition. `value` is a list for IN, EXCLUDE and CONTAINS…, a truth for HAS, else JSON.

    On `id` values are strings and on `last_modified` integers; LIKE always has a string.
    """

    path: Path
    operator: Operator
    value: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """One key of the order; a missing value is the greatest."""

    path: Path
    is_descending: bool = False

    @property
    def text(self) -> str:
        return ("-" if self.is_descending else "") + ".".join(self.path)


DEFAULT_ORDER: Final = (Sort(path=LAST_MODIFIED, is_descending=True), Sort(path=ID))
"""Newest first; `id` makes the order total whatever the timestamps are."""

SortValue: TypeAlias = JsonValue
"""Of `id` and `last_modified` the value itself; of others `[value]`, or `None` where missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many objects a page may hold (`paginate_by` and `storage_max_fetch_size`)."""

    page_max: int | None = None
    fetch_max: int = 10_000

    def applied(self, asked: int | None) -> int:
        """The size of the page for the limit that was asked for (LIST-5, QP-1)."""
        return min(asked or self.fetch_max, self.page_max or self.fetch_max, self.fetch_max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A list request's query string, free of faults."""

    filters: tuple[Filter, ...] = ()
    order: tuple[Sort, ...] = DEFAULT_ORDER
    limit: int = 10_000
    """As applied: what was asked for, lowered to what the settings allow."""
    after: Sequence[SortValue] | None = None
    """The sort values of the last object of the page before."""
    nonce: str | None = None
    """What `_token` carries beside its place: the bulk delete's mark for using it once."""
    begun_at: Timestamp | None = None
    """Carried by it likewise: the list's timestamp when the first page was read."""
    fields: tuple[Path, ...] | None = None
    """The fields to show; `None` for all."""

    def revision(self, at: Timestamp) -> Timestamp:
        """The timestamp that a page tells of a list that is at `at` now: the first page's.

        Whoever asks `_since` it once all pages are read misses nothing that came between them.
        """
        return at if self.begun_at is None else min(at, self.begun_at)

    @property
    def shows_tombstones(self) -> bool:
        """Whether some filter is on `last_modified` (LIST-6)."""
        return any(condition.path == LAST_MODIFIED for condition in self.filters)
