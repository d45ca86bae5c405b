"""What a JSON Schema can cost before it is run: schemas come from users, and validation branches.

From the graph of its subschemas follows, as an upper bound, how often they are applied to an
instance. Costs are in units of about 50 ns, measured with jsonschema-rs 0.60 on slow inputs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, Final

from referencing import Specification

from muniment.domain.schema_graph import Edge, Node, Reader, Size, objects_in, ordered
from muniment.domain.schema_patterns import (
    PATTERN_UNITS_MAX,
    SCHEMA_PATTERN_UNITS_MAX,
    Pattern,
    patterns_of,
    read_pattern,
)
from muniment.domain.values import JsonObject, JsonValue

COST_MAX: Final = 10_000_000
"""Dearest validation of one object, in units of 50 ns at worst: half a second."""
STEPS_MAX: Final = 400_000
"""Longest counting of a cost, in steps of about 1 µs, before the cost is taken as too high."""
IN_PLACE_MAX: Final = 50_000
"""Most subschemas that may be applied to one and the same value."""
CHAIN_MAX: Final = 200
"""Longest chain of subschemas in place: the validators recurse along it."""


def price(schema: JsonObject, specification: Specification[Any]) -> "Cost | TooCostly":
    """The schema's cost, or why it is refused.

    Raises `Unresolvable` for a reference that leads nowhere, and anything at all for a schema
    that is not one by its draft.
    """
    if sum(_pattern_units(schema)) > SCHEMA_PATTERN_UNITS_MAX:
        return TooCostly("The schema has too many or too large regular expressions")
    reader = Reader(schema, specification)
    nodes = reader.read()
    if reader.unreadable is not None:
        return TooCostly(f"{reader.unreadable!r} is not a 'regex'")
    in_order = ordered(nodes)
    if in_order is None:
        return TooCostly("The schema refers to itself without going into the value")
    expanded: dict[int, int] = {}
    chain: dict[int, int] = {}
    for node in reversed(in_order):
        below = [(child.order, factor) for child, factor in node.in_place]
        applied = 1 + sum(expanded[child] * factor for child, factor in below)
        expanded[node.order] = min(applied, IN_PLACE_MAX + 1)
        chain[node.order] = 1 + max((chain[child] for child, _ in below), default=0)
    if max(expanded.values()) > IN_PLACE_MAX:
        return TooCostly(f"The schema applies more than {IN_PLACE_MAX} subschemas to one value")
    if max(chain.values()) > CHAIN_MAX:
        return TooCostly(f"The schema chains more than {CHAIN_MAX} subschemas on one value")
    return Cost(in_order, nodes[0])


@dataclass(frozen=True, slots=True)
class TooCostly:
    """Why a schema is not run at all."""

    why: str


@dataclass(slots=True)
class _Level:
    """The cost at one depth of an instance: of a visit, of a character; and what comes next."""

    visit_units: int
    patterns: Mapping[Pattern, int]
    below: Mapping[int, int]


class Cost:
    """What one schema costs on which instance."""

    def __init__(self, nodes: list[Node], root: Node) -> None:
        self._nodes = nodes
        self._levels: list[_Level] = []
        self._start: Mapping[int, int] = {root.order: 1}
        self._steps = 0

    @property
    def has_backtracking(self) -> bool:
        """Whether one of the regular expressions needs the engine that backtracks."""
        return any(pattern.is_backtracking for node in self._nodes for pattern in node.patterns)

    def bound(self, size: Size) -> int:
        """No instance of the size costs more; often far less."""
        visits = chars = 0
        for depth in range(size.depth):
            level = self._level(depth)
            if level is None:
                return COST_MAX + 1
            visits = max(visits, level.visit_units)
            patterns = level.patterns.items()
            chars = max(chars, sum(each.cost(size.chars) * times for each, times in patterns))
            if not level.below:
                break
        return visits * size.nodes + chars

    def is_bearable(self, instance: JsonValue) -> bool:
        """Whether validating the instance costs no more than `COST_MAX`, counted on it."""
        spent = steps = 0
        waiting: list[tuple[JsonValue, Mapping[int, int]]] = [(instance, self._start)]
        while waiting:
            value, seeds = waiting.pop()
            applied = self._in_place(seeds)
            inside = len(value) if isinstance(value, Mapping | list) else 0
            steps += (1 + inside) * (1 + len(applied))
            spent += sum(self._spent(value, order, times) for order, times in applied.items())
            if spent > COST_MAX or steps > STEPS_MAX:
                return False
            waiting.extend(self._children(value, applied))
        return True

    def _level(self, depth: int) -> _Level | None:
        while len(self._levels) <= depth:
            seeds = self._levels[-1].below if self._levels else self._start
            if self._steps > STEPS_MAX:
                return None
            applied = self._in_place(seeds)
            self._steps += 1 + len(applied)
            self._levels.append(self._cost_of(applied))
        return self._levels[depth]

    def _cost_of(self, applied: Mapping[int, int]) -> _Level:
        visit_units = 0
        patterns: dict[Pattern, int] = {}
        below: dict[int, int] = {}
        for order, times in applied.items():
            node = self._nodes[order]
            visit_units += node.visit_units * times
            for pattern in node.patterns:
                patterns[pattern] = patterns.get(pattern, 0) + times
            _add(below, node.down(), times)
        return _Level(visit_units, patterns, below)

    def _in_place(self, seeds: Mapping[int, int]) -> dict[int, int]:
        pending = dict(seeds)
        orders = list(pending)
        heapify(orders)
        applied: dict[int, int] = {}
        while orders:
            order = heappop(orders)
            times = applied[order] = pending.pop(order)
            for child, factor in self._nodes[order].in_place:
                if child.order not in pending:
                    heappush(orders, child.order)
                    pending[child.order] = 0
                pending[child.order] += times * factor
        return applied

    def _spent(self, value: JsonValue, order: int, times: int) -> int:
        node = self._nodes[order]
        spent = node.visit_units
        if node.patterns:
            texts = [value] if isinstance(value, str) else value
            if isinstance(texts, Mapping | list):
                chars = sum(len(text) for text in texts if isinstance(text, str))
                spent += sum(pattern.cost(chars) for pattern in node.patterns)
        return spent * times

    def _children(
        self, value: JsonValue, applied: Mapping[int, int]
    ) -> Iterator[tuple[JsonValue, Mapping[int, int]]]:
        nodes = [(self._nodes[order], times) for order, times in applied.items()]
        if isinstance(value, Mapping):
            for name, child in value.items():
                yield child, _sum((_named(node, name), times) for node, times in nodes)
                if names := _sum((node.names, times) for node, times in nodes):
                    yield name, names
        elif isinstance(value, list):
            for index, child in enumerate(value):
                yield child, _sum((_at(node, index), times) for node, times in nodes)


def _named(node: Node, name: str) -> list[Edge]:
    edge = node.by_name.get(name)
    return node.members if edge is None else [edge, *node.members]


def _at(node: Node, index: int) -> list[Edge]:
    return [*node.positions[index : index + 1], *node.items]


def _sum(parts: Iterable[tuple[list[Edge], int]]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for edges, times in parts:
        _add(counts, edges, times)
    return counts


def _add(counts: dict[int, int], edges: Iterable[Edge], times: int) -> None:
    for child, factor in edges:
        counts[child.order] = counts.get(child.order, 0) + times * factor


def _pattern_units(schema: JsonObject) -> Iterator[int]:
    spent = 0
    for text in {text for each in objects_in(schema) for text in patterns_of(each)}:
        pattern = read_pattern(text)
        units = PATTERN_UNITS_MAX if pattern is None else pattern.units
        yield units
        spent += units
        if spent > SCHEMA_PATTERN_UNITS_MAX:
            return
