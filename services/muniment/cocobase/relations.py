"""Related documents: `populate`, `select` and filters by them (contract section 11).

A field `author_id` names a document of the collection `authors`, or `author`; `author_ids` several.
There are no app users here: where CocoBase looks for them, a collection `users` is meant.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from muniment.cocobase.errors import bad_request
from muniment.cocobase.filters.conditions import AllOf, AnyOf, Condition, FieldTest, Operator
from muniment.cocobase.filters.parsing import is_absence, parameter_name
from muniment.cocobase.listing import Listing
from muniment.cocobase.projects import Project
from muniment.cocobase.reading import Reading
from muniment.cocobase.views import Collection, flat
from muniment.domain.addresses import is_valid_id
from muniment.domain.values import JsonObject, JsonValue
from muniment.web.http import Request

RELATED_MAX: Final = 10_000
"""Documents that one relation of a page may bring along, or that a filter may find."""
RELATIONS_MAX: Final = 20
DEPTH_MAX: Final = 5
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""About; what many rows are related to is in each of them."""

Row: TypeAlias = dict[str, JsonValue]
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a listing's rows shall be like; documents as they are, unless it is told."""

    populated: Sequence[Path]
    selected: Sequence[Path]

    @property
    def is_flat(self) -> bool:
        return bool(self.populated or self.selected)


def read_shape(request: Request) -> Shape:
    """What the query says of it. Raises `CocoBaseError` for relations beyond all bounds."""
    given = [(parameter_name(name), tuple(text.split("."))) for name, text in request.query]
    populated = [path for name, path in given if name == "populate" and path != ("",)]
    if len(populated) > RELATIONS_MAX or any(len(path) > DEPTH_MAX for path in populated):
        raise bad_request(
            f"A listing populates {RELATIONS_MAX} relations at most, {DEPTH_MAX} levels deep."
        )
    selected = [path for name, path in given if name == "select" and path != ("",)]
    return Shape(populated=populated, selected=selected)


@dataclass(frozen=True, slots=True)
class _Relation:
    """What to put into rows under a name."""

    name: str
    candidates: Sequence[str]
    """Names of collections, the first that there is counts."""
    within: Sequence[Path]
    """What to put into what was found."""


class Relations:
    """Finds related documents; raises `CocoBaseError` and `Unavailable`."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def rows(
        self, project: Project, collection: Collection, listing: Listing, shape: Shape
    ) -> Sequence[JsonObject]:
        """A page of flat rows with what is related to them."""
        rows = [flat(each) for each in await self._reading.parsed_documents(collection, listing)]
        await self._populate(project, collection, rows, shape.populated)
        if shape.populated and _bytes_of(rows, {}) > ANSWER_BYTES_MAX:
            raise bad_request("The rows with all that is related to them are too much at once.")
        if not shape.selected:
            return rows
        paths = [("id",), *shape.selected]
        return [_selected(row, paths) for row in rows]

    async def related_condition(self, project: Project, condition: Condition) -> Condition:
        """The condition with `author.role` meaning that of the author as well."""
        dotted = [name for name in _fields(condition) if "." in name]
        if len(dotted) > RELATIONS_MAX or any(name.count(".") > DEPTH_MAX for name in dotted):
            raise bad_request(
                f"A filter asks {RELATIONS_MAX} related documents at most, {DEPTH_MAX} levels deep."
            )
        return await self._widened(project, condition) if dotted else condition

    async def _widened(self, project: Project, condition: Condition) -> Condition:
        match condition:
            case FieldTest(field=name) if "." in name:
                return await self._by_related(project, condition)
            case FieldTest():
                return condition
            case AllOf(parts=parts):
                return AllOf([await self._widened(project, part) for part in parts])
            case AnyOf(parts=parts):
                return AnyOf([await self._widened(project, part) for part in parts])

    async def _by_related(self, project: Project, test: FieldTest) -> Condition:
        name, _, field = test.field.partition(".")
        target = await self._first(project, (plural(name), name))
        if target is None:
            return test
        asked = await self._widened(project, replace(test, field=field))
        ids = await self._reading.ids(target, asked, limit=RELATED_MAX + 1)
        if len(ids) > RELATED_MAX:
            raise bad_request(f'"{test.field}" finds more than {RELATED_MAX} documents.')
        related = FieldTest(f"{name}_id", Operator.IN, ",".join(ids)) if ids else AnyOf(())
        # What is asked is whether the author has none: of that very name no document has any.
        return related if is_absence(test) else AnyOf((test, related))

    async def _populate(
        self,
        project: Project,
        collection: Collection,
        rows: Sequence[Row],
        paths: Sequence[Path],
    ) -> None:
        """Put what is related into the rows, and what is related to that into it."""
        deeper: dict[str, list[Path]] = {}
        for first, *rest in paths:
            deeper.setdefault(first, []).extend([tuple(rest)] if rest else [])
        for first, within in deeper.items():
            name, _, target = first.partition(":")
            named = [row for row in rows if f"{name}_id" in row or f"{name}_ids" in row]
            others = [row for row in rows if f"{name}_id" not in row and f"{name}_ids" not in row]
            if named:
                candidates = (target,) if target else (plural(name), name)
                await self._put_named(project, _Relation(name, candidates, within), named)
            if others:
                candidates = (target,) if target else (name, plural(name))
                relation = _Relation(name, candidates, within)
                field = f"{singular(collection.name)}_id"
                await self._put_referring(project, relation, field, others)

    async def _put_named(
        self, project: Project, relation: "_Relation", rows: Sequence[Row]
    ) -> None:
        """The documents that the rows name."""
        name = relation.name
        target = await self._first(project, relation.candidates)
        ids = {id_ for row in rows for id_ in _ids(row, name)}
        if len(ids) > RELATED_MAX:
            raise bad_request(f'"{name}" stands for more than {RELATED_MAX} documents.')
        found: dict[str, Row] = {}
        if target is not None and ids:
            documents = await self._reading.parsed_named(target, sorted(ids))
            found = {str(row["id"]): row for row in map(flat, documents)}
            await self._populate(project, target, list(found.values()), relation.within)
        for row in rows:
            there = [found[id_] for id_ in _ids(row, name) if id_ in found]
            if f"{name}_id" in row:
                row[name] = there[0] if there else None
            else:
                row[name] = [*there]

    async def _put_referring(
        self, project: Project, relation: "_Relation", field: str, rows: Sequence[Row]
    ) -> None:
        """The documents that name the rows in their field."""
        name = relation.name
        target = await self._first(project, relation.candidates)
        found: list[Row] = []
        if target is not None:
            listing = Listing(
                condition=FieldTest(field, Operator.IN, ",".join(str(row["id"]) for row in rows)),
                sort=None,
                is_descending=False,
                limit=RELATED_MAX + 1,
                offset=0,
            )
            found = [flat(each) for each in await self._reading.parsed_documents(target, listing)]
            if len(found) > RELATED_MAX:
                raise bad_request(f'"{name}" stands for more than {RELATED_MAX} documents.')
            await self._populate(project, target, found, relation.within)
        by_id: dict[str, list[JsonValue]] = {str(row["id"]): [] for row in rows}
        for each in found:
            if isinstance(referred := each.get(field), str) and referred in by_id:
                by_id[referred].append(each)
        for row in rows:
            row[name] = by_id[str(row["id"])]

    async def _first(self, project: Project, names: Iterable[str]) -> Collection | None:
        for name in dict.fromkeys(names):
            if (found := await self._reading.find_collection(project, name)) is not None:
                found.check("read")
                return found
        return None


def _fields(condition: Condition) -> Iterator[str]:
    match condition:
        case FieldTest(field=name):
            yield name
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _fields(part)


def plural(name: str) -> str:
    """What the collection of such things is called."""
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


def singular(name: str) -> str:
    """What one of the collection's things is called."""
    for ending, one in (("ies", "y"), ("ses", "s"), ("s", "")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending)}{one}"
    return name


def _ids(row: JsonObject, name: str) -> list[str]:
    """The ids that a row names, of those that a document could have."""
    one, many = row.get(f"{name}_id"), row.get(f"{name}_ids")
    given = [one] if f"{name}_id" in row else many if isinstance(many, list) else []
    return [id_ for id_ in given if isinstance(id_, str) and is_valid_id(id_)]


def _bytes_of(value: JsonValue, known: dict[int, int]) -> int:
    """About how long the value is as JSON; what is in several places is looked at once."""
    if isinstance(value, str):
        return len(value) + 2
    if not isinstance(value, Mapping | list):
        return 8
    if id(value) not in known:
        parts = [*value, *value.values()] if isinstance(value, Mapping) else value
        known[id(value)] = 2 + sum(_bytes_of(part, known) + 1 for part in parts)
    return known[id(value)]


def _selected(row: JsonObject, paths: Sequence[Path]) -> JsonObject:
    """The fields of these paths, within objects and lists of objects alike."""
    within: dict[str, list[Path]] = {}
    whole: set[str] = set()
    for first, *rest in paths:
        within.setdefault(first, []).extend([tuple(rest)] if rest else [])
        if not rest:
            whole.add(first)
    return {
        name: row[name] if name in whole else _selected_in(row[name], deeper)
        for name, deeper in within.items()
        if name in row
    }


def _selected_in(value: JsonValue, paths: Sequence[Path]) -> JsonValue:
    if isinstance(value, Mapping):
        return _selected(value, paths)
    return [_selected_in(one, paths) for one in value] if isinstance(value, list) else value
