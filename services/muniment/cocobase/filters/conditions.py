"""What a filter is: tests of single fields, joined by all and any (contract section 6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Operator(StrEnum):
    """How a test compares; the values are what parameters are called by."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    CONTAINS = "contains"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    IN = "in"
    NOTIN = "notin"
    ISNULL = "isnull"


@dataclass(frozen=True, slots=True)
class FieldTest:
    """One field of the document against one text."""

    field: str
    operator: Operator
    text: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds if every part does; without parts it holds."""

    parts: Sequence["Condition"]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds if one of the parts does."""

    parts: Sequence["Condition"]


Condition: TypeAlias = FieldTest | AllOf | AnyOf

EVERYTHING = AllOf(())
