"""A `Selection` as SQL: conditions, order and page, every value bound (10.2-10.5).

Statements read from a table of objects under the alias `o`. A field is `data -> 'a' -> 'b'`, which
does not reach into arrays (QV-6). Where order matters it is wrapped into an array of one element:
bare, Postgres puts an empty array before everything else (documented as historical), inside
another array it has the place that 10.3 gives it. Missing fields are SQL's NULL, which is greatest
in Postgres's order, as in 10.3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.queries.selection import (
    COLUMNS,
    ID,
    LAST_MODIFIED,
    Filter,
    Operator,
    Path,
    Selection,
    Sort,
    SortValue,
)
from muniment.domain.queries.values import dump_value
from muniment.domain.values import JsonValue
from muniment.readmodel.acls import named, object_acl
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "shared.sql")

TABLES: Final[Mapping[Kind, str]] = {
    Kind.BUCKET: "bucket",
    Kind.GROUP: '"group"',
    Kind.COLLECTION: "collection",
    Kind.RECORD: "record",
    Kind.WEBHOOK: "webhook",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Rows under the alias `o` whose fields are columns of their own, and not in `data`."""

    fields: Mapping[str, str]
    """Field to an expression of type `jsonb`, NULL where the row lacks it."""
    texts: Mapping[str, str]
    """Field to what its equality with a text is in SQL, so that an index can find it: `{}` stands
    for the comparison."""
    id: str = "o.id"
    orders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Field to an expression of type `text`, never NULL, by which rows are sorted instead."""

    def order_of(self, path: Path) -> str | None:
        return self.orders.get(path[0]) if len(path) == 1 else None


class Values:
    """The values of one statement, in the order of its placeholders, and where its fields are."""

    def __init__(self, columns: Columns | None = None) -> None:
        self.columns = columns
        self._bound: list[object] = []

    @property
    def all(self) -> Sequence[object]:
        return self._bound

    def bind(self, value: object, cast: str) -> str:
        """A placeholder for the value."""
        self._bound.append(value)
        return f"${len(self._bound)}::{cast}"

    def bind_json(self, value: JsonValue) -> str:
        # As text: how `jsonb` itself travels is the connection's affair.
        return self.bind(dump_value(value), "text::jsonb")


def conditions(selection: Selection, values: Values, *, with_tombstones: bool) -> str:
    """All filters, joined by AND; without the page's place."""
    parts = [_condition(one, values) for one in selection.filters]
    if not (with_tombstones and selection.shows_tombstones):
        parts.insert(0, "NOT o.deleted")
    return " AND ".join(parts)


def page(selection: Selection, values: Values) -> tuple[str, str, str]:
    """The condition for what comes after the token's place, the order, and the sort values.

    The last is an expression that gives, for each object, what a token says of its place.
    """
    keys = [_sort_key(sort.path, values) for sort in selection.order]
    after = "TRUE"
    if selection.after is not None:
        after = _after(selection.order, keys, selection.after, values)
    order = ", ".join(
        f"{key} DESC" if sort.is_descending else key
        for sort, key in zip(selection.order, keys, strict=True)
    )
    told = ", ".join(
        f"jsonb_build_array({key})" if _text_order(sort.path, values) else key
        for sort, key in zip(selection.order, keys, strict=True)
    )
    return after, order, f"jsonb_build_array({told})"


def bind_text_of(value: SortValue, values: Values) -> str:
    """A placeholder for what a token says of a field that is sorted by `Columns.orders`."""
    [text] = value if isinstance(value, list) else [value]
    return values.bind(text if isinstance(text, str) else dump_value(text), "text")


def shared_objects(kind: Kind, *, parent: str, principals: str) -> str:
    """What to read from instead of a whole table, for objects that name one of the principals.

    They are found by an index; `holds_any` must still be asked of each.
    """
    return SQL.shared.format(
        kind=kind.value,
        table=TABLES[kind],
        parent=parent,
        named=named(principals),
        acl=object_acl("o"),
    )


def holds_any(names: Sequence[str], principals: str) -> str:
    """Whether the object's own ACEs give one of the permissions to one of the principals."""
    held = " OR ".join(f"o.permissions -> '{name}' ?| {principals}" for name in names)
    return f"({held})"


def _after(
    order: Sequence[Sort], keys: Sequence[str], last: Sequence[SortValue], values: Values
) -> str:
    """Keyset: greater in the first key, or alike in it and greater in the rest (QP-4, QP-5)."""
    condition = "FALSE"
    for sort, key, value in reversed(list(zip(order, keys, last, strict=True))):
        bound = None if value is None else _bind_sort_key(sort.path, value, values)
        beyond = _beyond(sort, key, bound)
        same = f"{key} IS NULL" if bound is None else f"{key} = {bound}"
        condition = f"({beyond} OR ({same} AND {condition}))"
    first = order[0]
    if first.path not in COLUMNS:
        return condition
    # Says no more than the rest, but in a form that an index can start from.
    comparison = "<=" if first.is_descending else ">="
    return f"{keys[0]} {comparison} {_bind_key(first.path, last[0], values)} AND {condition}"


def _beyond(sort: Sort, key: str, bound: str | None) -> str:
    if sort.is_descending:
        return f"{key} IS NOT NULL" if bound is None else f"{key} < {bound}"
    if bound is None:
        return "FALSE"
    return f"{key} > {bound}" if sort.path in COLUMNS else f"({key} > {bound} OR {key} IS NULL)"


def _text_order(path: Path, values: Values) -> str | None:
    return values.columns.order_of(path) if values.columns else None


def _sort_key(path: Path, values: Values) -> str:
    return _text_order(path, values) or _key(path, values)


def _bind_sort_key(path: Path, value: JsonValue, values: Values) -> str:
    if _text_order(path, values) is None:
        return _bind_key(path, value, values)
    return bind_text_of(value, values)


def _key(path: Path, values: Values) -> str:
    """What a field is ordered by."""
    if path == ID:
        return values.columns.id if values.columns else "o.id"
    if path == LAST_MODIFIED:
        return "o.last_modified"
    return f"jsonb_insert('[]', '{{0}}', {_field(path, values)})"


def _bind_key(path: Path, value: JsonValue, values: Values) -> str:
    if path == ID:
        return values.bind(value, "text")
    if path == LAST_MODIFIED:
        return values.bind(value, "bigint")
    return values.bind_json(value)


def _field(path: Path, values: Values) -> str:
    root, rest = ("o.data", path)
    if values.columns is not None:
        # `id` and `last_modified` are not among them: nothing is within a text or a number (QV-6).
        root, rest = values.columns.fields.get(path[0], "NULL::jsonb"), path[1:]
    return f"({root}" + "".join(f" -> {values.bind(part, 'text')}" for part in rest) + ")"


def _condition(one: Filter, values: Values) -> str:
    if one.operator in _COMPARISONS:
        return _compared(one, values)
    build = _BUILDERS[one.operator]
    return build(one, values)


_COMPARISONS: Final[Mapping[Operator, str]] = {
    Operator.GT: ">",
    Operator.MIN: ">=",
    Operator.LT: "<",
    Operator.MAX: "<=",
}


def _compared(one: Filter, values: Values) -> str:
    key, sign = _key(one.path, values), _COMPARISONS[one.operator]
    if one.path in COLUMNS:
        return f"{key} {sign} {_bind_key(one.path, one.value, values)}"
    comparison = f"{key} {sign} {values.bind_json([one.value])}"
    # A missing field is greater than any value.
    is_upward = one.operator in (Operator.GT, Operator.MIN)
    return f"({comparison} OR {key} IS NULL)" if is_upward else comparison


def _equal(one: Filter, values: Values) -> str:
    if (text := _text_column(one, values)) and isinstance(one.value, str):
        return text.format(f"= {values.bind(one.value, 'text')}")
    return f"{_value(one.path, values)} = {_bind(one.path, one.value, values)}"


def _text_column(one: Filter, values: Values) -> str | None:
    root, *rest = one.path
    return None if rest or values.columns is None else values.columns.texts.get(root)


def _not_equal(one: Filter, values: Values) -> str:
    return f"{_value(one.path, values)} IS DISTINCT FROM {_bind(one.path, one.value, values)}"


def _in(one: Filter, values: Values) -> str:
    members = _many(one.value)
    if (text := _text_column(one, values)) and all(isinstance(each, str) for each in members):
        return text.format(f"= ANY ({values.bind(members, 'text[]')})")
    return f"{_value(one.path, values)} = ANY ({_bind_many(one, values)})"


def _excluded(one: Filter, values: Values) -> str:
    value = _value(one.path, values)
    return f"({value} IS NULL OR {value} <> ALL ({_bind_many(one, values)}))"


def _like(one: Filter, values: Values) -> str:
    pattern = values.bind(_pattern(str(one.value)), "text")
    if one.path in COLUMNS:
        return f"{_value(one.path, values)}::text ILIKE {pattern}"
    return f"{_field(one.path, values)} #>> '{{}}' ILIKE {pattern}"


def _has(one: Filter, values: Values) -> str:
    return f"{_value(one.path, values)} IS {'NOT ' if one.value else ''}NULL"


def _contains(one: Filter, values: Values) -> str:
    # Wrapped in an array on both sides, only an array can contain it.
    return f"{_field(one.path, values)} @> {values.bind_json(one.value)}"


def _contains_any(one: Filter, values: Values) -> str:
    wanted = [dump_value([value]) for value in _many(one.value)]
    return f"{_field(one.path, values)} @> ANY ({values.bind(wanted, 'text[]::jsonb[]')})"


_BUILDERS: Final[Mapping[Operator, Callable[[Filter, Values], str]]] = {
    Operator.EQ: _equal,
    Operator.NOT: _not_equal,
    Operator.IN: _in,
    Operator.EXCLUDE: _excluded,
    Operator.LIKE: _like,
    Operator.HAS: _has,
    Operator.CONTAINS: _contains,
    Operator.CONTAINS_ANY: _contains_any,
}


def _value(path: Path, values: Values) -> str:
    """A field that is compared for equality only: no need to wrap it."""
    return _key(path, values) if path in COLUMNS else _field(path, values)


def _bind(path: Path, value: JsonValue, values: Values) -> str:
    return _bind_key(path, value, values) if path in COLUMNS else values.bind_json(value)


def _bind_many(one: Filter, values: Values) -> str:
    if one.path == ID:
        return values.bind(_many(one.value), "text[]")
    if one.path == LAST_MODIFIED:
        return values.bind(_many(one.value), "bigint[]")
    return values.bind([dump_value(value) for value in _many(one.value)], "text[]::jsonb[]")


def _many(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else [value]


def _pattern(text: str) -> str:
    """`*` is any run, all else stands for itself; without `*` it may be anywhere (QO-3, D-16)."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%") if "*" in escaped else f"%{escaped}%"
