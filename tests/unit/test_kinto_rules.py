"""The list of the Kinto dialect's rules, how tests name them, and the table made of that."""

from typing import Final

import pytest

from tests.support.by_section import table
from tests.support.naming import naming_tests
from tests.support.rules import SECTION_OF, SECTIONS, rules_named, sections_named

UNTESTED: Final = {
    "TS-13": "Nothing purges tombstones of objects: they stay as long as their parents.",
    "QUO-1": "There are no quotas, nor in the reference since 2025; no capability tells of any.",
}
"""Rules that no test names, each with the reason."""


def test_no_rule_is_listed_twice() -> None:
    rules = [rule for section in SECTIONS.values() for rule in section.rules]

    assert len(rules) == len(set(rules))


def test_every_rule_is_named_by_a_test() -> None:
    """A rule without a test may be broken by any change; one that can't have any says why."""
    named = naming_tests()

    missing = [rule for rule in SECTION_OF if rule not in named]

    print(f"rules without a test: {', '.join(missing) or 'none'}")
    assert missing == list(UNTESTED)


def test_rows_and_statements_are_tried_with_the_clients() -> None:
    """They are about the whole product as it is seen from outside."""
    named = naming_tests()

    elsewhere = [
        rule
        for section in ("26", "27")
        for rule in SECTIONS[section].rules
        if not any(test.startswith("clients/") for test in named[rule])
    ]

    assert elsewhere == []


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("BAT-18, E-6: together on the log.", {"BAT-18", "E-6"}),
        ("PRM-1 to PRM-3, LIST-6", {"PRM-1", "PRM-2", "PRM-3", "LIST-6"}),
        ("QS-1 to 3", {"QS-1", "QS-2", "QS-3"}),
        ("Rows 53 to 55, 57: types matter.", {"row 53", "row 54", "row 55", "row 57"}),
        ("test_filters[row_58_in]", {"row 58"}),
        ("Statements 5 and 6", {"statement 5", "statement 6"}),
        ("UTF-8, SHA-256 and BAT-99 are none", set[str]()),
        ("ERR-20", {"ERR-20"}),
    ],
)
def test_rules_are_named_by_id_range_row_and_statement(text: str, rules: set[str]) -> None:
    assert rules_named(text) == rules


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Section 8.4: ETag.", {"8.4"}),
        ("Sections 1.2 and 12.1, BAT-1", {"1.2", "12.1", "16"}),
        ("Row 7", {"26"}),
        ("Statement 3 of section 27", {"27"}),
        ("Section 99", set[str]()),
    ],
)
def test_sections_are_those_named_and_those_of_rules(text: str, numbers: set[str]) -> None:
    assert sections_named(text) == numbers


def test_table_counts_a_test_in_each_of_its_sections_and_once_in_all() -> None:
    outcomes = {"a": "passed", "b": "failed", "c": "skipped"}

    lines = list(table(outcomes, {"a": {"16", "24"}, "b": {"16"}, "c": set()}))

    counts = {line.split()[0]: line.split()[-3:] for line in lines}
    assert counts["16"] == ["1", "1", "0"]
    assert counts["24"] == ["1", "0", "0"]
    assert counts["–"] == ["0", "0", "1"]
    assert counts["tests"] == ["1", "1", "1"]
