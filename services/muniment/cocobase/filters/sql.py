"""A filter as SQL over records under the alias `o`, every value bound."""

from collections.abc import Mapping
from typing import Final, assert_never

from muniment.cocobase.filters.conditions import AllOf, AnyOf, Condition, FieldTest, Operator
from muniment.cocobase.filters.numbers import PATTERN, number_of
from muniment.cocobase.filters.parsing import is_absence, wanted_texts
from muniment.readmodel.lists.sql import Values

_HIDDEN_ALONE: Final = frozenset({"id", "last_modified", "schema"})
"""Fields of the user's that are never in `data`: those there are the server's (documents.py)."""

_SIGNS: Final[Mapping[Operator, str]] = {
    Operator.GT: ">",
    Operator.GTE: ">=",
    Operator.LT: "<",
    Operator.LTE: "<=",
}


def field(name: str, values: Values) -> str:
    """The document's field, an expression of type `jsonb`; NULL where it is missing."""
    bound = values.bind(name, "text")
    if name in _HIDDEN_ALONE:
        return f"(o.hidden -> {bound})"
    if name == "deleted":
        return f"coalesce(o.hidden -> {bound}, o.data -> {bound})"
    return f"(o.data -> {bound})"


def condition(asked: Condition, values: Values) -> str:
    """An expression that is true for the documents asked for, and false or NULL for others."""
    match asked:
        case FieldTest():
            return _test(asked, values)
        case AllOf():
            return _joined(asked, " AND ", values, empty="TRUE")
        case AnyOf():
            return _joined(asked, " OR ", values, empty="FALSE")
        case _:
            assert_never(asked)


def _joined(asked: AllOf | AnyOf, word: str, values: Values, *, empty: str) -> str:
    parts = [condition(part, values) for part in asked.parts]
    return f"({word.join(parts)})" if parts else empty


def _test(test: FieldTest, values: Values) -> str:
    one = field(test.field, values)
    is_there = f"coalesce(jsonb_typeof({one}), 'null') <> 'null'"
    match test.operator:
        case Operator.ISNULL:
            return f"NOT {is_there}" if is_absence(test) else f"({is_there})"
        case Operator.EQ:
            return _equals(one, [test.text], values)
        case Operator.IN:
            return _equals(one, wanted_texts(test.text), values)
        case Operator.NE:
            return f"({is_there} AND NOT {_equals(one, [test.text], values)})"
        case Operator.NOTIN:
            return f"({is_there} AND NOT {_equals(one, wanted_texts(test.text), values)})"
        case Operator.GT | Operator.GTE | Operator.LT | Operator.LTE:
            return _compares(one, _SIGNS[test.operator], test.text, values)
        case Operator.CONTAINS | Operator.STARTSWITH | Operator.ENDSWITH:
            looks = _looks(one, test.operator, values.bind(test.text, "text"))
            return f"({is_there} AND {looks})"
        case _:
            assert_never(test.operator)


def _equals(one: str, texts: list[str], values: Values) -> str:
    """True if the field is one of what the texts mean, false if it is not or is missing."""
    # What jsonb takes for equal is equal: 1 and 1.0, and no text and number ever.
    wanted = ["true" if text.lower() == "true" else "false" for text in texts if _is_boolean(text)]
    wanted += [format(number, "f") for text in texts if (number := number_of(text)) is not None]
    strings = values.bind(texts, "text[]")
    others = values.bind(wanted, "text[]::jsonb[]")
    return (
        f"coalesce({one} = ANY ({others})"
        f" OR (jsonb_typeof({one}) = 'string' AND {one} #>> '{{}}' = ANY ({strings})), FALSE)"
    )


def _is_boolean(text: str) -> bool:
    return text.lower() in ("true", "false")


def _compares(one: str, sign: str, text: str, values: Values) -> str:
    number = number_of(text)
    if number is None:
        bound = values.bind(text, "text")
        return f"(jsonb_typeof({one}) = 'string' AND {one} #>> '{{}}' COLLATE \"C\" {sign} {bound})"
    bound = values.bind(number, "numeric")
    pattern = values.bind(f"^({PATTERN})$", "text")
    # A CASE, as AND does not keep Postgres from casting first.
    return (
        f"(CASE WHEN jsonb_typeof({one}) = 'number'"
        f" OR (jsonb_typeof({one}) = 'string' AND {one} #>> '{{}}' ~ {pattern})"
        f" THEN ({one} #>> '{{}}')::numeric {sign} {bound} ELSE FALSE END)"
    )


def _looks(one: str, operator: Operator, bound: str) -> str:
    text = f"lower({one} #>> '{{}}')"
    match operator:
        case Operator.CONTAINS:
            return f"strpos({text}, lower({bound})) > 0"
        case Operator.STARTSWITH:
            return f"starts_with({text}, lower({bound}))"
        case _:
            return f"right({text}, length({bound})) = lower({bound})"
