"""Named statements from `.sql` files."""

import pytest

from muniment.readmodel.sql import Statements, parse_statements

TEXT = """
-- first --
-- Says why.
SELECT 1;

-- second_one --
SELECT 2;
"""


def test_statements_are_found_by_name() -> None:
    """A comment under the header stays with its statement."""
    assert parse_statements(TEXT) == {
        "first": "-- Says why.\nSELECT 1;",
        "second_one": "SELECT 2;",
    }


def test_a_name_is_used_once() -> None:
    """The second one would silently win."""
    with pytest.raises(ValueError, match="two statements are named 'first'"):
        parse_statements(TEXT + TEXT)


def test_a_statement_that_is_not_there_is_told_by_name() -> None:
    """A typing error shows where it is, and at once."""
    statements = Statements("muniment.readmodel", "migrate.sql")

    with pytest.raises(AttributeError, match=r"no statement 'take_turns' in migrate.sql"):
        _ = statements.take_turns
