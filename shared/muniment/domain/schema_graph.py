"""A JSON Schema as a graph of its subschemas.

An edge *in place* (`allOf`, `$ref`, `if`) applies another subschema to the same value, an edge
*down* (`properties`, `items`) to a value inside it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from referencing import Registry, Resource, Specification

from muniment.domain.schema_patterns import Pattern, patterns_of, read_pattern
from muniment.domain.values import JsonObject, JsonValue

DEPTH_MAX: Final = 200
"""Deepest nesting of schemas and instances: jsonschema-rs takes up to 254 levels."""
NOT_EVALUATED_FACTOR: Final = 3
"""`unevaluated…` runs what stands beside it again: 2.6 times a level, measured."""

Edge: TypeAlias = "tuple[Node, int]"


@dataclass(slots=True, eq=False)
class Node:
    """One subschema, its edges as (subschema, how many times)."""

    visit_units: int = 1
    """Of applying it to one value, without its subschemas."""
    patterns: list[Pattern] = field(default_factory=list[Pattern])
    in_place: list[Edge] = field(default_factory=list["Edge"])
    by_name: dict[str, Edge] = field(default_factory=dict[str, "Edge"])
    members: list[Edge] = field(default_factory=list["Edge"])
    positions: list[Edge] = field(default_factory=list["Edge"])
    items: list[Edge] = field(default_factory=list["Edge"])
    names: list[Edge] = field(default_factory=list["Edge"])
    order: int = -1
    """Greater than that of all nodes from which edges in place lead here."""

    def down(self) -> Iterator[Edge]:
        yield from self.by_name.values()
        yield from self.members
        yield from self.positions
        yield from self.items
        yield from self.names


_Place: TypeAlias = Literal["in_place", "by_name", "members", "positions", "items", "names"]

_ONE: Final[Mapping[str, _Place]] = {
    "additionalItems": "items",
    "additionalProperties": "members",
    "contains": "items",
    "else": "in_place",
    "if": "in_place",
    "items": "items",
    "not": "in_place",
    "propertyNames": "names",
    "then": "in_place",
    "unevaluatedItems": "items",
    "unevaluatedProperties": "members",
}
"""Keywords with one subschema."""
_LISTS: Final[Mapping[str, _Place]] = {
    "allOf": "in_place",
    "anyOf": "in_place",
    "items": "positions",
    "oneOf": "in_place",
    "prefixItems": "positions",
}
_MAPS: Final[Mapping[str, _Place]] = {
    "dependencies": "in_place",
    "dependentSchemas": "in_place",
    "patternProperties": "members",
    "properties": "by_name",
}
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_DATA: Final = ("const", "enum", "required", "dependentRequired", "dependencies", "type")


class Reader:
    """Makes the nodes of all subschemas that can be reached from the root."""

    def __init__(self, schema: JsonObject, specification: Specification[Any]) -> None:
        self._specification = specification
        root: Resource[Any] = specification.create_resource(schema)
        registry: Registry[Any] = Registry()
        base_uri = root.id() or ""
        resolver = registry.with_resource(base_uri, root).resolver(base_uri)
        self.unreadable: str | None = None
        """A regular expression that no engine can run."""
        self._nodes: dict[int, Node] = {}
        self._waiting = [(schema, resolver)]
        self._by_anchor: dict[str, list[JsonObject]] = {}
        for anchor, subschema in _dynamic_anchors(schema):
            self._by_anchor.setdefault(anchor, []).append(subschema)

    def read(self) -> list[Node]:
        root = self._node(self._waiting[0][0])
        while self._waiting:
            schema, resolver = self._waiting.pop()
            self._resolver = resolver
            if "$id" in schema or "id" in schema:
                subresource = self._specification.create_resource(schema)
                self._resolver = resolver.in_subresource(subresource)
            self._fill(self._node(schema), schema)
        return [root, *(node for node in self._nodes.values() if node is not root)]

    def _node(self, schema: JsonObject) -> Node:
        return self._nodes.setdefault(id(schema), Node())

    def _to(self, schema: JsonObject, factor: int) -> Edge:
        if id(schema) not in self._nodes:
            self._waiting.append((schema, self._resolver))
        return self._node(schema), factor

    def _fill(self, node: Node, schema: JsonObject) -> None:
        has_rest = "unevaluatedProperties" in schema or "unevaluatedItems" in schema
        factor = NOT_EVALUATED_FACTOR if has_rest else 1
        data = [schema[keyword] for keyword in _DATA if keyword in schema]
        node.visit_units = len(schema) + sum(measure(each).nodes for each in data) // 8 + 1
        self._read_patterns(node, schema)
        for keyword, place in _ONE.items():
            self._edges(node, place, [schema.get(keyword)], factor)
        for keyword, place in _LISTS.items():
            subschemas = schema.get(keyword)
            if isinstance(subschemas, list):
                self._edges(node, place, subschemas, factor)
        for keyword, place in _MAPS.items():
            subschemas = schema.get(keyword)
            if isinstance(subschemas, Mapping) and place == "by_name":
                node.visit_units += len(subschemas) // 2
                for name, each in subschemas.items():
                    if isinstance(each, Mapping):
                        node.by_name[name] = self._to(each, 1)
            elif isinstance(subschemas, Mapping):
                self._edges(node, place, subschemas.values(), factor)
        self._edges(node, "in_place", self._referred(schema), factor)

    def _read_patterns(self, node: Node, schema: JsonObject) -> None:
        for text in patterns_of(schema):
            pattern = read_pattern(text)
            if pattern is None:
                self.unreadable = text
            else:
                node.patterns.append(pattern)

    def _edges(self, node: Node, place: _Place, schemas: Iterable[JsonValue], factor: int) -> None:
        if place == "by_name":
            return
        edges: list[Edge] = getattr(node, place)
        edges.extend(self._to(each, factor) for each in schemas if isinstance(each, Mapping))

    def _referred(self, schema: JsonObject) -> Iterator[JsonValue]:
        for keyword in _REFERENCES:
            reference = schema.get(keyword)
            if not isinstance(reference, str):
                continue
            here, resolved = self._resolver, self._resolver.lookup(reference)
            self._resolver = resolved.resolver
            yield resolved.contents
            self._resolver = here
            if keyword != "$ref":
                # Which one it is depends on the way that led here: all are counted.
                anchor = reference.rpartition("#")[2]
                yield from (
                    each
                    for each in self._by_anchor.get(anchor, ())
                    if each is not resolved.contents
                )


def ordered(nodes: list[Node]) -> list[Node] | None:
    """The nodes, parents before those that they apply in place; `None` when there is a cycle."""
    done: list[Node] = []
    state: dict[Node, Literal["open", "done"]] = {}
    for start in nodes:
        path = [(start, iter(start.in_place))] if start not in state else []
        state.setdefault(start, "open")
        while path:
            node, edges = path[-1]
            child = next(edges, None)
            if child is None:
                path.pop()
                state[node] = "done"
                done.append(node)
            elif child[0] not in state:
                state[child[0]] = "open"
                path.append((child[0], iter(child[0].in_place)))
            elif state[child[0]] == "open":
                return None
    done.reverse()
    for order, node in enumerate(done):
        node.order = order
    return done


@dataclass(frozen=True, slots=True)
class Size:
    """How large a JSON value is."""

    nodes: int
    chars: int
    depth: int


def measure(value: JsonValue) -> Size:
    """The value's size; what lies deeper than `DEPTH_MAX` is left out."""
    nodes = chars = depth = 0
    level: list[JsonValue] = [value]
    while level and depth <= DEPTH_MAX:
        depth += 1
        nodes += len(level)
        below: list[JsonValue] = []
        for each in level:
            if isinstance(each, str):
                chars += len(each)
            elif isinstance(each, Mapping):
                chars += sum(map(len, each))
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
        level = below
    return Size(nodes, chars, depth)


def _dynamic_anchors(schema: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for each in objects_in(schema):
        anchor = each.get("$dynamicAnchor")
        if isinstance(anchor, str):
            yield anchor, each
        if each.get("$recursiveAnchor") is True:
            yield "", each


def objects_in(value: JsonValue) -> Iterator[JsonObject]:
    """All JSON objects in the value, with itself."""
    waiting: list[JsonValue] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
