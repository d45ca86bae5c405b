"""What parameters mean (CocoBase contract, section 6)."""

import pytest

from muniment.cocobase.filters.conditions import AllOf, AnyOf, Condition, FieldTest, Operator
from muniment.cocobase.filters.parsing import parse_filter
from muniment.cocobase.listing import NOT_FILTERS
from muniment.cocobase.relations import plural, singular

ONE = "1"


def of(*keys: str) -> AllOf:
    return parse_filter([(key, ONE) for key in keys], not_filters=NOT_FILTERS)


@pytest.mark.parametrize(
    ("key", "field", "operator"),
    [
        ("age", "age", Operator.EQ),
        ("user_id", "user_id", Operator.EQ),
        ("first_name", "first_name", Operator.EQ),
        ("age_gte", "age", Operator.GTE),
        ("age__gte", "age", Operator.GTE),
        ("first_name_contains", "first_name", Operator.CONTAINS),
        ("is_in", "is", Operator.IN),
        ("check_in_notin", "check_in", Operator.NOTIN),
        ("a__b_lt", "a__b", Operator.LT),
        ("?age_gt", "age", Operator.GT),
        ("_gt", "", Operator.GT),
        ("age_GTE", "age_GTE", Operator.EQ),
    ],
)
def test_an_operator_is_the_last_word(key: str, field: str, operator: Operator) -> None:
    assert of(key) == AllOf((FieldTest(field, operator, ONE),))


@pytest.mark.parametrize(
    ("keys", "condition"),
    [
        (
            ("a__or__b__or__c_gte",),
            AnyOf(tuple(FieldTest(field, Operator.GTE, ONE) for field in "abc")),
        ),
        (
            ("a_lt__or__b",),
            AnyOf((FieldTest("a", Operator.LT, ONE), FieldTest("b", Operator.EQ, ONE))),
        ),
        (
            ("a__and__b_ne",),
            AllOf((FieldTest("a", Operator.NE, ONE), FieldTest("b", Operator.NE, ONE))),
        ),
        (
            ("[or]a", "[or]b_gt"),
            AnyOf([FieldTest("a", Operator.EQ, ONE), FieldTest("b", Operator.GT, ONE)]),
        ),
    ],
)
def test_fields_and_parameters_are_joined(keys: tuple[str, ...], condition: Condition) -> None:
    assert of(*keys) == AllOf((condition,))


def test_groups_are_told_apart_by_their_names() -> None:
    assert of("[or:x]a", "[or:y]b", "[or:x]c", "d") == AllOf(
        (
            FieldTest("d", Operator.EQ, ONE),
            AnyOf([FieldTest("a", Operator.EQ, ONE), FieldTest("c", Operator.EQ, ONE)]),
            AnyOf([FieldTest("b", Operator.EQ, ONE)]),
        )
    )


def test_pages_and_empty_names_are_no_filters() -> None:
    assert of("limit", "?offset", "sort", "order", "populate", "select", "id", "") == AllOf(())


@pytest.mark.parametrize(
    ("one", "many"),
    [("author", "authors"), ("category", "categories"), ("bus", "buses"), ("post", "posts")],
)
def test_collections_are_called_as_several(one: str, many: str) -> None:
    """Section 11."""
    assert (plural(one), singular(many)) == (many, one)
