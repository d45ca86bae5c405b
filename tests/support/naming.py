"""Which tests name a rule of the Kinto dialect, read from their source without importing it."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.support.rules import rules_named

TESTS: Final = Path(__file__).parents[1]
OF_THE_LIST: Final = TESTS / "unit" / "test_kinto_rules.py"
"""Speaks of rules and shows none."""

COMMENT: Final = re.compile(r"^\s*//(.*)$", re.MULTILINE)

Test = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def naming_tests() -> Mapping[str, list[str]]:
    """By id of a rule the tests, as `file::name`, whose name, docstring or marks name it."""
    found: dict[str, list[str]] = defaultdict(list)
    for test, text in (*_python_tests(), *_node_tests()):
        for rule in rules_named(text):
            found[rule].append(test)
    return found


def _python_tests() -> Iterator[tuple[str, str]]:
    for path in sorted({*TESTS.rglob("test_*.py")} - {OF_THE_LIST}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Test) and node.name.lower().startswith("test"):
                marks = " ".join(ast.unparse(mark) for mark in node.decorator_list)
                text = " ".join([node.name, ast.get_docstring(node) or "", marks])
                yield f"{path.relative_to(TESTS)}::{node.name}", text


def _node_tests() -> Iterator[tuple[str, str]]:
    """What node runs for a test: the rules stand in comments beside each statement."""
    for path in sorted((TESTS / "clients" / "node").glob("*.js")):
        text = " ".join(COMMENT.findall(path.read_text(encoding="utf-8")))
        yield str(path.relative_to(TESTS)), text
