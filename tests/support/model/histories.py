"""`/buckets/…/history` and `/permissions` (sections 19 and 20)."""

from typing import Final

from tests.support.model import forms
from tests.support.model.lists import list_stamp, page, page_faults, told_stamp
from tests.support.model.messages import Expected, Refused, Request, Told, Where
from tests.support.model.objects import need, refuse_read, unauthorized
from tests.support.model.queries import Query, read_query
from tests.support.model.rights import may
from tests.support.model.world import UNKNOWN, Data, Place, World, place_of

ENTRY_FIELDS: Final = {
    "id", "last_modified", "date", "action", "resource_name", "uri", "bucket_id", "group_id",
    "collection_id", "record_id", "user_id", "target",
}  # fmt: skip
PERMISSION_FIELDS: Final = {
    "uri", "resource_name", "bucket_id", "collection_id", "group_id", "record_id", "id",
}  # fmt: skip

IMPLIED: Final = {
    "bucket": {
        "write": "write read read:attributes collection:create group:create",
        "read": "read read:attributes",
        "collection:create": "collection:create read:attributes",
        "group:create": "group:create read:attributes",
    },
    "collection": {
        "write": "write read read:attributes record:create",
        "read": "read read:attributes",
        "record:create": "record:create read:attributes",
    },
    "group": {"write": "write read", "read": "read"},
    "record": {"write": "write read", "read": "read"},
    "account": {"write": "write read", "read": "read"},
}
"""PRM-2: what a permission implies on the same object."""


def get_history(world: World, request: Request, place: Place, told: Told) -> Expected:
    """HIS-8 to HIS-10; the timestamps of entries are learnt from the first who sees them."""
    bucket = place.parents[0]
    entries = world.history.get(bucket, [])
    if not may(world, request.user, "history", "list", place.list_uri):
        principals = world.principals(request.user)
        entries = [entry for entry in entries if entry.readers & principals]
        if not entries:
            raise unauthorized() if request.user is None else Refused(403, 121)
    query = read_query(request.query)
    forms.refuse(header_and_entry_faults(world, request, query))
    current = list_stamp(world, request, place.list_uri, told)
    refuse_read(request, current, existing=None)
    shown = [entry.shown for entry in entries]
    expected = page(world, request, query, shown, place.list_uri)
    expected.etag = told_stamp(world, request, current)
    return expected


def delete_history(world: World, request: Request, place: Place) -> Expected:
    """HIS-11: a list delete of the entries that match."""
    need(world, request, place.kind, "clear", place.list_uri)
    query = read_query(request.query)
    forms.refuse(header_and_entry_faults(world, request, query))
    entries = world.history.setdefault(place.parents[0], [])
    chosen = query.select([entry.shown for entry in entries])[: query.limit]
    entries[:] = [entry for entry in entries if not any(entry.shown is one for one in chosen)]
    if chosen:
        world.stamps.pop(place.list_uri, None)
    tombstone = {"id": UNKNOWN, "last_modified": UNKNOWN, "deleted": True}
    return Expected(status=200, body={"data": [tombstone] * len(chosen)}, is_unordered=True)


def header_and_entry_faults(world: World, request: Request, query: Query) -> list[Where]:
    """ERR-28 beside what is wrong with any list's request."""
    unknown: list[Where] = [
        ("querystring", one.field)
        for one in query.filters
        if one.field.partition(".")[0] not in ENTRY_FIELDS
    ]
    return forms.header_faults(request) + query.faults + page_faults(world, request) + unknown


def get_permissions(world: World, request: Request) -> Expected:
    """PRM-1 to PRM-8."""
    query = read_query(request.query, default="-uri")
    query.filters = [one for one in query.filters if one.field != "last_modified"]
    query.sort = [sort for sort in query.sort if sort[0] != "last_modified"]
    unknown = [one.field for one in query.filters if one.field not in PERMISSION_FIELDS]
    faults = forms.header_faults(request) + page_faults(world, request)
    forms.refuse(faults + [("querystring", name) for name in unknown])
    principals = world.principals(request.user)
    root = ["account:create"] if request.user is None else ["account:create", "bucket:create"]
    entries: list[Data] = [{"uri": "/", "resource_name": "root", "permissions": root}]
    for uri, thing in world.things.items():
        held = {name for name, named in thing.acl.items() if principals & named}
        if held:
            entries.append(_permission_entry(uri, thing.kind, held))
    return page(world, request, query, entries, request.path)


def _permission_entry(uri: str, kind: str, held: set[str]) -> Data:
    implied = {name for each in held for name in IMPLIED[kind][each].split()}
    entry: Data = {"uri": uri, "resource_name": kind, "id": place_of(uri).id}
    names = uri.strip("/").split("/")
    if kind != "account":
        for plural, id_ in zip(names[::2], names[1::2], strict=True):
            entry[f"{place_of('/' + plural).kind}_id"] = id_
    return {**entry, "permissions": sorted(implied)}
