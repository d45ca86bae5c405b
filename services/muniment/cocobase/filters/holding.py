"""A filter held against a document in memory; says what `sql` says of the same document's row."""

from decimal import Decimal
from typing import assert_never

from muniment.cocobase.filters.conditions import AllOf, AnyOf, Condition, FieldTest, Operator
from muniment.cocobase.filters.numbers import decimal_of, number_of
from muniment.cocobase.filters.parsing import is_absence, wanted_texts
from muniment.cocobase.filters.texts import lowered, text_of
from muniment.domain.values import JsonObject, JsonValue


def holds(condition: Condition, document: JsonObject) -> bool:
    """Whether the document is one that the condition asks for."""
    match condition:
        case FieldTest():
            return _holds_test(condition, document.get(condition.field))
        case AllOf():
            return all(holds(part, document) for part in condition.parts)
        case AnyOf():
            return any(holds(part, document) for part in condition.parts)
        case _:
            assert_never(condition)


def _holds_test(test: FieldTest, value: JsonValue) -> bool:
    """`None` stands for a field that is missing as well: no operator tells the two apart."""
    if test.operator is Operator.ISNULL:
        return (value is None) == is_absence(test)
    if value is None:
        return False
    match test.operator:
        case Operator.EQ | Operator.IN:
            return _is_one_of(value, test)
        case Operator.NE | Operator.NOTIN:
            return not _is_one_of(value, test)
        case Operator.GT | Operator.GTE | Operator.LT | Operator.LTE:
            return _compares(value, test.operator, test.text)
        case Operator.CONTAINS | Operator.STARTSWITH | Operator.ENDSWITH:
            return _looks(lowered(text_of(value)), test.operator, lowered(test.text))
        case _:
            assert_never(test.operator)


def _is_one_of(value: JsonValue, test: FieldTest) -> bool:
    has_items = test.operator in (Operator.IN, Operator.NOTIN)
    return any(
        _equals(value, text) for text in (wanted_texts(test.text) if has_items else [test.text])
    )


def _looks(text: str, operator: Operator, part: str) -> bool:
    match operator:
        case Operator.CONTAINS:
            return part in text
        case Operator.STARTSWITH:
            return text.startswith(part)
        case _:
            return text.endswith(part)


def _equals(value: JsonValue, text: str) -> bool:
    match value:
        case str():
            return value == text
        case bool():
            return text.lower() == ("true" if value else "false")
        case int() | float():
            return decimal_of(value) == number_of(text)
        case _:
            return False


def _compares(value: JsonValue, operator: Operator, text: str) -> bool:
    wanted = number_of(text)
    if wanted is None:
        return isinstance(value, str) and _in_order(value, operator, text)
    match value:
        case bool():
            return False
        case int() | float():
            return _in_order(decimal_of(value), operator, wanted)
        case str():
            number = number_of(value)
            return number is not None and _in_order(number, operator, wanted)
        case _:
            return False


def _in_order(one: str | Decimal, operator: Operator, other: str | Decimal) -> bool:
    place = _place(one, other)
    match operator:
        case Operator.GT:
            return place > 0
        case Operator.GTE:
            return place >= 0
        case Operator.LT:
            return place < 0
        case _:
            return place <= 0


def _place(one: str | Decimal, other: str | Decimal) -> int:
    """Texts by code points, numbers by their worth; the two are never mixed."""
    if isinstance(one, str) or isinstance(other, str):
        return (str(one) > str(other)) - (str(one) < str(other))
    return (one > other) - (one < other)
