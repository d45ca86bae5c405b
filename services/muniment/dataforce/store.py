"""What the dialect reads of the read model, one statement a question."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID, uuid5

import orjson

from muniment.dataforce.pages import COLUMNS, Listing
from muniment.domain.values import Principal
from muniment.query.store import Store as ReadModel
from muniment.readmodel.lists.sql import Values
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "store.sql")

UUID_TEXT: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_UUID: Final = re.compile(UUID_TEXT)

Row = Mapping[str, Any]
"""A row as JSON has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrbitAccess:
    """What a user is in an organization, and in an orbit of it."""

    organization_groups: Sequence[str]
    orbit_uid: str | None
    """`None` where there is no such orbit in that organization."""
    orbit_groups: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A collection in an orbit."""

    id: str
    """Its id in the bucket."""
    public_id: str
    """The UUID that clients know it by."""
    name: str
    description: str
    kind: str
    tags: Sequence[str] | None
    total: int
    created_at: int
    updated_at: int | None
    value: str | int | None = None
    """Of the column that a page is sorted by."""


class DataForceStore:
    """Reads; every method raises `Unavailable`."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model

    async def organizations(self, user: Principal) -> Sequence[Row]:
        """The organizations that a user is in."""
        return cast("Sequence[Row]", await self._found(SQL.organizations, user))

    async def groups_in_organization(self, user: Principal, organization: str) -> Sequence[str]:
        """The groups of an organization that a user is in; none if there is no such thing."""
        values = (user, organization)
        row = await self._read_model.read_object(SQL.groups_in_organization, values)
        return cast("Sequence[str]", row["groups"])

    async def orbits(
        self, user: Principal, organization: str, orbit: str | None = None
    ) -> Sequence[Row]:
        """The orbits of an organization, or one of them, and what the user is in each."""
        return cast("Sequence[Row]", await self._found(SQL.orbits, user, organization, orbit))

    async def orbit_access(self, user: Principal, organization: str, orbit: str) -> OrbitAccess:
        """What a user is where a request about collections leads."""
        found = await self._found(SQL.orbit_access, user, organization, orbit)
        inside: Row = found["orbit"] or {"uid": None, "groups": []}
        return OrbitAccess(
            organization_groups=found["groups"],
            orbit_uid=inside["uid"],
            orbit_groups=inside["groups"],
        )

    async def page(self, orbit_uid: str, orbit: str, listing: Listing) -> Sequence[Found]:
        """The collections of a page, and one more if more follow."""
        values = Values()
        values.bind(orbit_uid, "uuid")
        expression = COLUMNS[listing.sort_by].expression.format(total=SQL.total)
        statement = SQL.page.format(
            shown=SQL.shown,
            total=SQL.total,
            value=expression,
            where=" AND ".join(_filters(listing, values)),
            after=_after(listing, expression, values),
            direction=listing.order.upper(),
            limit="ALL" if listing.limit is None else str(listing.limit + 1),
        )
        rows = await self._rows(statement, values.all)
        return [_found(row, orbit) for row in rows]

    async def find(self, orbit_uid: str, orbit: str, public_id: str) -> Found | None:
        """The collection that clients know by that UUID."""
        statement = SQL.one.format(shown=SQL.shown, total=SQL.total)
        id_ = await self._id_of(orbit_uid, orbit, public_id)
        row = await self._found(statement, orbit_uid, id_)
        return None if row is None else _found(row, orbit)

    async def tags(self, orbit_uid: str) -> Sequence[str]:
        """All tags of an orbit's collections, by code points."""
        return sorted(
            cast("list[str]", await self._found(SQL.tags.format(shown=SQL.shown), orbit_uid))
        )

    async def _id_of(self, orbit_uid: str, orbit: str, public_id: str) -> str:
        if UUID(public_id).version != _MADE_OF_NAMES:
            return public_id
        row = await self._read_model.read_object(SQL.foreign_ids, (orbit_uid, UUID_TEXT))
        return next((id_ for id_ in row["ids"] if public_id_of(id_, orbit) == public_id), public_id)

    async def _found(self, statement: str, *values: object) -> Any:
        row = await self._read_model.read_object(statement, values)
        return None if row["found"] is None else orjson.loads(row["found"])

    async def _rows(self, statement: str, values: Sequence[object]) -> Sequence[Row]:
        row = await self._read_model.read_list(statement, values)
        return cast("Sequence[Row]", orjson.loads(row["found"]))


_MADE_OF_NAMES: Final = 5


def public_id_of(id_: str, orbit: str) -> str:
    """The UUID by which clients know a collection: its id, or one made of bucket and id."""
    return id_ if _UUID.match(id_) else str(uuid5(UUID(orbit), id_))


def _filters(listing: Listing, values: Values) -> list[str]:
    conditions = ["TRUE"]
    if listing.search:
        wanted = f'lower({values.bind(listing.search, "text")} COLLATE "pg_c_utf8")'
        conditions.append(
            f'(strpos(lower(name COLLATE "pg_c_utf8"), {wanted}) > 0 OR EXISTS ('
            "SELECT FROM jsonb_array_elements_text(coalesce(tags, '[]')) AS tag "
            f'WHERE strpos(lower(tag COLLATE "pg_c_utf8"), {wanted}) > 0))'
        )
    if listing.kinds:
        conditions.append(f"kind = ANY ({values.bind(listing.kinds, 'text[]')})")
    if listing.tags:
        conditions.append(f"tags ?| {values.bind(listing.tags, 'text[]')}")
    return conditions


def _after(listing: Listing, expression: str, values: Values) -> str:
    if listing.after is None:
        return "TRUE"
    value, id_ = listing.after
    column = COLUMNS[listing.sort_by]
    bound = values.bind(value, column.type)
    collation = ' COLLATE "C"' if column.type == "text" else ""
    sign = "<" if listing.order == "desc" else ">"
    given = f'({bound}{collation}, {values.bind(id_, "text")} COLLATE "C")'
    return f"({expression}{collation}, chosen.id) {sign} {given}"


def texts_or_none(tags: object) -> Sequence[str] | None:
    """The texts of a list; `None` for what is none."""
    if not isinstance(tags, list | tuple):
        return None
    return [tag for tag in cast("Sequence[object]", tags) if isinstance(tag, str)]


def _found(row: Row, orbit: str) -> Found:
    return Found(
        id=row["id"],
        public_id=public_id_of(row["id"], orbit),
        name=row["name"],
        description=row["description"],
        kind=row["kind"],
        tags=texts_or_none(row["tags"]),
        total=row["total"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        value=row.get("value"),
    )
