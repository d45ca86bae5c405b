"""Requests for a list: what is shown, counted and deleted (sections 8.1, 8.3)."""

import copy
from typing import Any

from tests.support.model import forms
from tests.support.model.changes import bury
from tests.support.model.messages import Expected, Refused, Request, Told, Where
from tests.support.model.objects import cache_headers, need_collection, refuse_read, unauthorized
from tests.support.model.queries import Query, picked, read_query
from tests.support.model.rights import may, shares
from tests.support.model.world import Data, Place, Turn, Unseen, World


def get(world: World, request: Request, place: Place, told: Told) -> Expected:
    """GET and HEAD of all that the requester may see."""
    shared = visible(world, request, place, "list", "read")
    need_collection(world, place)
    query = checked(world, request)
    current = list_stamp(world, request, place.list_uri, told)
    refuse_read(request, current, existing=None)
    objects = [thing.data for thing in world.children(place.list_uri)]
    if shared is None:
        objects += world.tombstones.get(place.list_uri, {}).values()
    else:
        objects = [data for data in objects if data["id"] in shared]
    expected = page(world, request, query, objects, place.list_uri)
    expected.etag = told_stamp(world, request, current)
    expected.headers |= cache_headers(world, request, place)
    return expected


def page(
    world: World, request: Request, query: Query, objects: list[Data], list_uri: str
) -> Expected:
    """One page of the objects that match, or their number for a HEAD."""
    if not query.shows_tombstones:
        objects = [data for data in objects if not is_tombstone(world, list_uri, data)]
    found = query.select(objects)
    if request.method == "HEAD":
        living = [data for data in found if not is_tombstone(world, list_uri, data)]
        count = str(len(living))  # LIST-4
        return Expected(status=200, headers={"Total-Objects": count, "Total-Records": count})
    if turn := turn_of(world, request):
        found = query.after(found, turn.last)
    shown = found[: query.limit]
    has_more = len(found) > len(shown)
    data = [picked(each, query.fields) if query.fields else each for each in shown]
    return Expected(
        status=200,
        body={"data": copy.deepcopy(data)},
        next_page_after=copy.deepcopy(shown[-1]) if has_more else None,
        headers={"Total-Objects": None, "Total-Records": None},
    )


def delete(world: World, request: Request, place: Place, told: Told) -> Expected:
    """Section 8.3."""
    shared = visible(world, request, place, "clear", "write")
    need_collection(world, place)
    query = checked(world, request)
    current = list_stamp(world, request, place.list_uri, told)
    if_match = request.headers.get("If-Match", "*")
    if request.headers.get("If-None-Match") == "*" or if_match not in ("*", f'"{current}"'):
        raise Refused(412, 114, etag=current)
    objects = [thing.data for thing in world.children(place.list_uri)]
    if shared is not None:
        objects = [data for data in objects if data["id"] in shared]
    found = query.select(objects)
    if turn := turn_of(world, request):
        found = query.after(found, turn.last)
        del world.pages[dict(request.query)["_token"]]  # DELL-4
    chosen = found[: query.limit]
    has_more = len(found) > len(chosen)
    stamps = told.tombstones([data["id"] for data in chosen], current)
    tombstones = [
        bury(world, request, Place(place.kind, place.list_uri, id_), stamp)
        for id_, stamp in sorted(stamps.items(), key=lambda pair: pair[1])
    ]
    return Expected(
        status=200,
        body={"data": copy.deepcopy(tombstones)},
        is_unordered=True,
        etag=max(stamps.values(), default=current),
        next_page_after=copy.deepcopy(chosen[-1]) if has_more else None,
    )


def visible(
    world: World, request: Request, place: Place, whole: str, each: str
) -> list[str] | None:
    """The ids that the requester gets to see, or `None` for the whole list (PERM-6, PERM-7)."""
    if may(world, request.user, place.kind, whole, place.list_uri):
        return None
    shared = shares(world, request.user, place.kind, each, place.list_uri)
    if not shared and not may(world, request.user, place.kind, "create", place.list_uri):
        raise unauthorized() if request.user is None else Refused(403, 121)
    return shared


def checked(world: World, request: Request) -> Query:
    """The query; all that is wrong with it and the headers is one 400."""
    query = read_query(request.query)
    forms.refuse(forms.header_faults(request) + query.faults + page_faults(world, request))
    return query


def page_faults(world: World, request: Request) -> list[Where]:
    """ERR-27."""
    has_token = "_token" in dict(request.query)
    return [("querystring", None)] if has_token and turn_of(world, request) is None else []


def turn_of(world: World, request: Request) -> Turn | None:
    """What came before the page that is asked for, if it is not the first."""
    return world.pages.get(dict(request.query).get("_token", ""))


def told_stamp(world: World, request: Request, current: Any) -> Any:
    """Pages tell the list's timestamp as of their first (docs/decisions/0024, for C-6)."""
    turn = turn_of(world, request)
    return current if turn is None else turn.told


def list_stamp(world: World, request: Request, list_uri: str, told: Told) -> Any:
    """The list's timestamp; one that was never looked at is learnt here, and stays (TS-4)."""
    known = world.stamps.get(list_uri)
    shown = None if turn_of(world, request) else told.list_stamp()
    if shown is not None and (known is None or (isinstance(known, Unseen) and shown > known)):
        world.stamps[list_uri] = shown
    return world.stamps.get(list_uri)


def is_tombstone(world: World, list_uri: str, data: Data) -> bool:
    """By where it is kept: a record may call itself deleted (section 1.2)."""
    return any(data is one for one in world.tombstones.get(list_uri, {}).values())
