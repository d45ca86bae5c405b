"""The objects whose ACEs name the requester, wherever they are: found list by list (PRM-1).

In the order of URIs or ids no list is read further than a page goes, however many of its objects
name the requester.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from muniment.domain.addresses import Kind
from muniment.domain.permissions import PERMISSION_NAMES
from muniment.domain.queries.selection import ID, Selection
from muniment.readmodel.acls import object_acl
from muniment.readmodel.lists.sql import TABLES, Values, bind_text_of, holds_any
from muniment.readmodel.principals import PRINCIPALS
from muniment.readmodel.sql import Statements

SQL: Final = Statements(__package__, "named_objects.sql")

URI: Final = ("uri",)

SHORT_MAX: Final = 5_000
"""Objects of one list that are gathered, whatever part of them the page shows."""

_NOBODYS: Final = "SELECT '00000000-0000-0000-0000-000000000000'::uuid"
_OF_BUCKETS: Final = "SELECT uid FROM bucket WHERE NOT deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What depends on the kind: where its lists are, and what ids their objects have."""

    parents: str
    prefix: str
    in_bucket: str
    in_collection: str = "NULL::text"
    ids: Mapping[str, str]
    every: str | None
    """The parents of all lists, for those whom a setting tells of every object."""


def _ids(**given: str) -> Mapping[str, str]:
    names = ("bucket_id", "collection_id", "group_id", "record_id", "webhook_id")
    return {name: given.get(name, "NULL::text") for name in names}


_IN_BUCKET: Final = "JOIN bucket AS b ON b.uid = found.parent"
_IN_COLLECTION: Final = (
    "JOIN collection AS c ON c.uid = found.parent JOIN bucket AS b ON b.uid = c.parent"
)

_PLACES: Final[Mapping[Kind, _Place]] = {
    Kind.BUCKET: _Place(
        parents="",
        prefix="'/buckets/'",
        in_bucket="NULL::text",
        ids=_ids(bucket_id="o.id"),
        every=_NOBODYS,
    ),
    Kind.GROUP: _Place(
        parents=_IN_BUCKET,
        prefix="'/buckets/' || b.id || '/groups/'",
        in_bucket="b.id",
        ids=_ids(bucket_id="list.in_bucket", group_id="o.id"),
        every=_OF_BUCKETS,
    ),
    Kind.COLLECTION: _Place(
        parents=_IN_BUCKET,
        prefix="'/buckets/' || b.id || '/collections/'",
        in_bucket="b.id",
        ids=_ids(bucket_id="list.in_bucket", collection_id="o.id"),
        every=_OF_BUCKETS,
    ),
    Kind.WEBHOOK: _Place(
        parents=_IN_BUCKET,
        prefix="'/buckets/' || b.id || '/webhooks/'",
        in_bucket="b.id",
        ids=_ids(bucket_id="list.in_bucket", webhook_id="o.id"),
        every=None,
    ),
    Kind.RECORD: _Place(
        parents=_IN_COLLECTION,
        prefix="'/buckets/' || b.id || '/collections/' || c.id || '/records/'",
        in_bucket="b.id",
        in_collection="c.id",
        ids=_ids(bucket_id="list.in_bucket", collection_id="list.in_collection", record_id="o.id"),
        every=None,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of each list is wanted; all that matches, unless it says how much comes first."""

    where: str
    after: str = "TRUE"
    first: str = ""
    id_after: str = "TRUE"


def part_of(selection: Selection, values: Values, *, where: str, after: str, limit: str) -> Part:
    """In the order of URIs or ids no list need be read further than the page goes."""
    newest = selection.order[0]
    if newest.path not in (URI, ID):
        return Part(where=where, after=after)
    direction = "DESC" if newest.is_descending else "ASC"
    id_after = "TRUE"
    if newest.path == URI and selection.after is not None:
        id_after = SQL.id_after.format(
            last=bind_text_of(selection.after[0], values),
            beyond="<=" if newest.is_descending else ">=",
            if_greater="~",
            if_less="",
        )
    first = f"ORDER BY o.id {direction} LIMIT {limit} + 1"
    return Part(where=where, after=after, first=first, id_after=id_after)


def objects_of(kind: Kind, part: Part, *, is_everywhere: bool) -> str:
    """A query for a kind's entries; `is_everywhere` where a setting may tell of all objects."""
    table, acl, place = TABLES[kind], object_acl("o"), _PLACES[kind]
    is_long = SQL.is_long.format(table=table, acl=acl, short_max=SHORT_MAX)
    visible = holds_any(PERMISSION_NAMES[kind], PRINCIPALS)
    return SQL.objects.format(
        kind=kind.value,
        table=table,
        acl=acl,
        visible=visible,
        lists=_lists(kind, place, is_long if part.first else "FALSE", is_everywhere=is_everywhere),
        fields=SQL.fields.format(kind=kind.value, **place.ids),
        parents=place.parents,
        prefix=place.prefix,
        in_bucket=place.in_bucket,
        in_collection=place.in_collection,
        where=part.where,
        after=part.after,
        first=part.first,
        id_after=part.id_after,
    )


def _lists(kind: Kind, place: _Place, is_long: str, *, is_everywhere: bool) -> str:
    if place.every is None or not is_everywhere:
        return SQL.lists.format(kind=kind.value, is_long=is_long, is_asked="TRUE")
    is_granted = SQL.is_granted.format(kind=kind.value)
    some = SQL.lists.format(kind=kind.value, is_long=is_long, is_asked=f"NOT {is_granted}")
    return some + SQL.all_lists.format(parents=place.every, is_granted=is_granted)
