"""Requests for one object, and POST: what they do and what is answered (sections 2.3, 7 to 9)."""

import copy
from typing import Any

from tests.support.model import forms, patches
from tests.support.model.changes import Change, store_change, store_deletion
from tests.support.model.messages import ABSENT, Expected, Refused, Request, Told
from tests.support.model.order import same
from tests.support.model.queries import picked, read_fields
from tests.support.model.rights import allowed, may
from tests.support.model.world import Acl, Data, Place, Thing, World, is_object, place_of

NOT_FOUND: Any = (404, 110)
DEFAULT_CACHE: dict[str, str | None] = {"Cache-Control": "no-cache, no-store"}


def get(world: World, request: Request, place: Place) -> Expected:
    """Section 8.4."""
    need(world, request, place.kind, "read", place.uri)
    need_collection(world, place)
    forms.refuse(forms.header_faults(request))
    thing = need_existing(world, place)
    current = thing.data["last_modified"]
    refuse_read(request, current, existing=thing.data)
    body: Data = {"data": thing.data, "permissions": shown_acl(world, request, thing)}
    if fields := read_fields(request.query):
        body = {"data": picked(thing.data, fields)}
    return Expected(
        status=200,
        etag=current,
        body=copy.deepcopy(body),
        headers=cache_headers(world, request, place),
    )


def post(world: World, request: Request, listed: Place, told: Told) -> Expected:
    """Section 8.2."""
    body = forms.body_of(request)
    data: Any = body.get("data") if is_object(body) else None
    given: Any = data.get("id", ABSENT) if is_object(data) else ABSENT
    need_collection(world, listed)
    if given != ABSENT:
        forms.refuse_invalid_id(given)
    place = Place(listed.kind, listed.list_uri, None if given == ABSENT else given)
    existing = None if given == ABSENT else world.things.get(place.uri)
    if existing is not None:
        need(world, request, place.kind, "read", place.uri)
    else:
        need(world, request, place.kind, "create", listed.list_uri)
    forms.refuse(forms.header_faults(request) + forms.body_faults(request, place.kind))
    if existing is not None:
        refuse_stale(world, request, place, existing)
        shown = {"data": existing.data, "permissions": shown_acl(world, request, existing)}
        current = existing.data["last_modified"]
        return Expected(status=200, etag=current, body=copy.deepcopy(shown))
    if_match = request.headers.get("If-Match", "*")
    stamp = world.stamps.get(place.list_uri)
    if if_match not in ("*", f'"{stamp}"'):  # D-14
        refuse_modified(world, place)
    if given == ABSENT:
        place = Place(place.kind, place.list_uri, told.made_id())
    return _created(world, request, place, body, told)


def put(world: World, request: Request, place: Place, told: Told) -> Expected:
    """Section 8.5."""
    need_collection(world, place)
    existing = world.things.get(place.uri)
    if existing is None or request.headers.get("If-None-Match") == "*":
        need(world, request, place.kind, "create", place.list_uri)
    else:
        need(world, request, place.kind, "write", place.uri)
    faults = forms.header_faults(request) + forms.body_faults(request, place.kind)
    forms.refuse(faults + _other_id(request, place))
    forms.refuse_invalid_id(place.id)
    body = forms.body_of(request)
    if existing is None:
        if "If-Match" in request.headers:  # PUT-8
            refuse_modified(world, place)
        return _created(world, request, place, body, told)
    refuse_stale(world, request, place, existing)
    data = with_members(body["data"], place) if "data" in body else existing.data
    acl = given_acl(body) if body.get("permissions") else existing.acl  # PERM-14
    change = Change(world, request, place, data, acl, told)
    return shown(world, request, store_change(change), status=200)


def patch(world: World, request: Request, place: Place, told: Told) -> Expected:
    """Section 8.6."""
    need_collection(world, place)
    existing = need_changeable(world, request, place)
    faults = forms.header_faults(request) + forms.body_faults(request, place.kind)
    forms.refuse(faults + _other_id(request, place))
    forms.refuse_invalid_id(place.id)
    if existing is None:
        raise missing(place)
    refuse_stale(world, request, place, existing)
    before = copy.deepcopy(existing)
    data, acl = patches.patched(existing, request)
    if data.get("id", place.id) != place.id:  # ID-5, PAT-13
        forms.refuse([("body", "id")])
    forms.refuse(forms.typed_faults(data, place.kind, ""))
    thing = store_change(Change(world, request, place, data, acl, told))
    behaviour = request.headers.get("Response-Behavior", "full")
    if behaviour == "full":
        return shown(world, request, thing, status=200)
    # Of a JSON Patch, the whole patched object counts as given (PAT-8).
    given = data if request.media == forms.JSON_PATCH else request.body.get("data", {})
    compared = given if behaviour == "diff" else before.data
    body = {"data": changed_fields(given, compared, thing.data)}
    return Expected(status=200, body=body, etag=thing.data["last_modified"])


def delete(world: World, request: Request, place: Place, told: Told) -> Expected:
    """Section 8.7."""
    need_collection(world, place)
    existing = need_changeable(world, request, place)
    asked = dict(request.query).get("last_modified")
    faults = forms.header_faults(request)
    if asked is not None and not asked.strip('"').isdigit():
        faults.append(("querystring", "last_modified"))
    forms.refuse(faults)
    forms.refuse_invalid_id(place.id)
    if existing is None:
        raise missing(place)
    refuse_stale(world, request, place, existing)
    wanted = None if asked is None else int(asked.strip('"'))
    tombstone = store_deletion(world, request, place, wanted, told)
    return Expected(status=200, body={"data": tombstone}, etag=tombstone["last_modified"])


def shown(world: World, request: Request, thing: Thing, *, status: int) -> Expected:
    """The answer to a write: the object with its ACEs."""
    body = {"data": thing.data, "permissions": shown_acl(world, request, thing)}
    return Expected(status=status, body=copy.deepcopy(body), etag=thing.data["last_modified"])


def shown_acl(world: World, request: Request, thing: Thing) -> dict[str, list[str]]:
    """PERM-18 and PERM-19: for those alone that are in the object's own `write`."""
    if not world.principals(request.user) & thing.acl.get("write", set()):
        return {}
    return {name: sorted(principals) for name, principals in thing.acl.items() if principals}


def changed_fields(given: Data, compared: Data, final: Data) -> Data:
    """PAT-8 and PAT-9: of the fields given, those that are not as in the object compared with."""
    return {
        name: value
        for name, value in final.items()
        if name in given and not (name in compared and same(compared[name], value))
    }


def with_members(data: Data, place: Place) -> Data:
    """GRP-2: a group has members in whatever data are given for it."""
    return {"members": [], **data} if place.kind == "group" else data


def given_acl(body: Data) -> Acl:
    permissions: dict[str, list[str]] = body.get("permissions", {})
    return {name: set(principals) for name, principals in permissions.items()}


def need(world: World, request: Request, kind: str, action: str, uri: str) -> None:
    """Step 5 of section 2.3: 401 for nobody, 403 for somebody."""
    if not may(world, request.user, kind, action, uri):
        raise unauthorized() if request.user is None else Refused(403, 121)


def unauthorized() -> Refused:
    return Refused(401, 104, headers={"WWW-Authenticate": 'Basic realm="Realm"'})


def need_collection(world: World, place: Place) -> None:
    """REC-1; records are the only objects whose parent is looked for like this."""
    if place.kind == "record" and place.parents[1] not in world.things:
        collection = place_of(place.parents[1])
        details = {"id": collection.id, "resource_name": "collection"}
        raise Refused(404, 111, details=details)


def need_changeable(world: World, request: Request, place: Place) -> Thing | None:
    """PERM-5: the right to write what exists, or to know that it does not."""
    existing = world.things.get(place.uri)
    if existing is not None:
        need(world, request, place.kind, "write", place.uri)
    else:
        need(world, request, place.kind, "list", place.list_uri)
    return existing


def need_existing(world: World, place: Place) -> Thing:
    forms.refuse_invalid_id(place.id)
    if place.uri not in world.things:
        raise missing(place)
    return world.things[place.uri]


def missing(place: Place) -> Refused:
    return Refused(404, 110, details={"id": place.id, "resource_name": place.kind})


def refuse_read(request: Request, current: Any, *, existing: Any) -> None:
    """Rows G and L of the truth table (section 9.4)."""
    if_match = request.headers.get("If-Match", "*")
    if_none_match = request.headers.get("If-None-Match")
    if if_none_match == "*" or if_match not in ("*", f'"{current}"'):
        raise Refused(412, 114, etag=current, existing=copy.deepcopy(existing))
    if if_none_match == f'"{current}"':
        headers: dict[str, str | None] = {"Content-Type": None, "Cache-Control": None}  # PRE-3
        raise Refused(304, etag=current, headers=headers)


def refuse_stale(world: World, request: Request, place: Place, thing: Thing) -> None:
    """Rows U and P1."""
    current = thing.data["last_modified"]
    is_fresh = request.headers.get("If-Match", "*") in ("*", f'"{current}"')
    if is_fresh and request.headers.get("If-None-Match") != "*":
        return
    readers = allowed(world, place.kind, "read", place.uri)
    is_reader = bool(readers & world.principals(request.user))  # D-15
    existing = copy.deepcopy(thing.data) if is_reader else ABSENT
    raise Refused(412, 114, etag=current, existing=existing)


def refuse_modified(world: World, place: Place) -> None:
    """Rows C and P2: what is compared is not there, so the list's timestamp is told (PRE-1)."""
    raise Refused(412, 114, etag=world.stamps.get(place.list_uri), existing=ABSENT)


def cache_headers(world: World, request: Request, place: Place) -> dict[str, str | None]:
    """Section 13."""
    parents = [world.things[uri].data for uri in place.parents if uri in world.things]
    seconds = parents[1].get("cache_expires") if place.kind == "record" else None
    if seconds is None:
        return DEFAULT_CACHE
    if seconds == 0:
        value = "max-age=0, must-revalidate, no-cache, no-store"
        return {"Cache-Control": value, "Pragma": "no-cache"}
    private = "" if request.user is None else ", private"  # D-18
    return {"Cache-Control": f"max-age={seconds}{private}", "Pragma": None}


def _created(world: World, request: Request, place: Place, body: Data, told: Told) -> Expected:
    data = with_members(body["data"], place) if "data" in body else {}
    change = Change(world, request, place, data, given_acl(body), told)
    return shown(world, request, store_change(change), status=201)


def _other_id(request: Request, place: Place) -> list[tuple[str, Any]]:
    """ID-5."""
    if request.media == forms.JSON_PATCH or not is_object(request.body):
        return []
    data: Any = request.body.get("data")
    is_other = is_object(data) and data.get("id", place.id) != place.id
    return [("body", "id")] if is_other else []
