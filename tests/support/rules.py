"""Which rules of the Kinto dialect's contract there are, and which of them a text names."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

LIST: Final = Path(__file__).with_name("kinto_rules.toml")

RULES_NAMED: Final = re.compile(r"\b([A-Z]{1,5})-(\d+)(?: to (?:\1-)?(\d+))?")
NUMBERED: Final = r"(\d+(?:\.\d)?(?:(?:, | and | to )\d+(?:\.\d)?(?![\d-]))*)"
KINDS: Final = {
    kind: re.compile(rf"\b{kind}s?[ _]{NUMBERED}", re.IGNORECASE)
    for kind in ("section", "row", "statement")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the contract, with the ids of its rules in their order there."""

    number: str
    title: str
    rules: tuple[str, ...]


def _sections() -> dict[str, Section]:
    read: dict[str, Any] = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return {
        each["number"]: Section(
            number=each["number"],
            title=each["title"],
            rules=(
                *each.get("rules", "").split(),
                *(f"row {number + 1}" for number in range(each.get("rows", 0))),
                *(f"statement {number + 1}" for number in range(each.get("statements", 0))),
            ),
        )
        for each in read["section"]
    }


SECTIONS: Final = _sections()
SECTION_OF: Final = {
    rule: section.number for section in SECTIONS.values() for rule in section.rules
}


def rules_named(text: str) -> set[str]:
    """The ids in it: `BAT-18`, `PRM-1 to PRM-3`, `Row 7`, `Rows 53 to 60`, `Statements 5, 6`."""
    found = {
        f"{family}-{number}"
        for family, first, last in RULES_NAMED.findall(text)
        for number in range(int(first), int(last or first) + 1)
    }
    for kind in ("row", "statement"):
        found |= {f"{kind} {number}" for number in _numbers(kind, text)}
    return found & SECTION_OF.keys()


def sections_named(text: str) -> set[str]:
    """Numbers of the sections that it names, `Section 8.4`, or whose rules it names, `BAT-18`."""
    return {SECTION_OF[rule] for rule in rules_named(text)} | (
        _numbers("section", text) & SECTIONS.keys()
    )


def _numbers(kind: str, text: str) -> set[str]:
    found: set[str] = set()
    for numbers in KINDS[kind].findall(text):
        for part in re.split(r", | and ", numbers):
            first, _, last = part.partition(" to ")
            found |= {str(each) for each in range(int(first), int(last) + 1)} if last else {first}
    return found
