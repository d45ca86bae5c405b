"""What a write leaves behind: the object, its timestamp, its history entry."""

import copy
import time
from dataclasses import dataclass
from typing import Any, Final

from tests.support.model.messages import Refused, Request, Told
from tests.support.model.rights import allowed
from tests.support.model.schemas import stamped
from tests.support.model.world import (
    EVERYONE,
    UNKNOWN,
    Acl,
    Data,
    Entry,
    Place,
    Thing,
    Unseen,
    World,
)

LISTS_BELOW: Final = {"bucket": ("collections", "groups"), "collection": ("records",)}
CLOCKS_APART_MS: Final = 60_000
"""How far the server's clock may be behind the model's, which looks when the answer has come."""


@dataclass(slots=True)
class Change:
    """A create, replace or patch whose request is in order."""

    world: World
    request: Request
    place: Place
    data: Data
    acl: Acl
    told: Told


def store_change(change: Change) -> Thing:
    """Give the object its timestamp and its writer, validate it, store it."""
    world, place = change.world, change.place
    existing = world.things.get(place.uri)
    data = copy.deepcopy(change.data)
    wanted = data.pop("last_modified", None)
    data = {**data, "id": place.id}
    if place.kind == "collection" and "cache_expires" in data:  # COL-3
        seconds = data.pop("cache_expires")
        data |= {} if seconds is None else {"cache_expires": int(seconds)}
    data = stamped(world, place, data)
    data["last_modified"] = _stamp(change, wanted, existing)
    thing = Thing(place.kind, data, copy.deepcopy(change.acl))
    writer = EVERYONE if change.request.user is None else world.users[change.request.user]
    thing.acl.setdefault("write", set()).add(writer)  # PERM-12
    world.things[place.uri] = thing
    world.tombstones.get(place.list_uri, {}).pop(place.id or "", None)
    world.moved(place.list_uri, data["last_modified"])
    if existing is None:
        for plural in LISTS_BELOW.get(place.kind, ()):  # TS-4: as old as their parent.
            below, began = f"{place.uri}/{plural}", time.time() * 1000 - CLOCKS_APART_MS
            world.stamps[below] = Unseen(max(began, world.graves.pop(below, 0)))  # D-13
    remember(world, change.request, place, "update" if existing else "create")
    return thing


def store_deletion(
    world: World, request: Request, place: Place, wanted: int | None, told: Told
) -> Data:
    """Leave the tombstone; what is below goes without a trace (DEL-1, TS-11)."""
    thing = world.things[place.uri]
    newest = world.stamps.get(place.list_uri)
    current = thing.data["last_modified"]
    stamp = wanted if wanted is not None and wanted > current else told.stamp(newest)  # TS-9
    refuse_taken(world, place, stamp, is_wanted=stamp == wanted)
    return bury(world, request, place, stamp)


def bury(world: World, request: Request, place: Place, stamp: int) -> Data:
    """Put a tombstone with that timestamp in the object's place."""
    del world.things[place.uri]
    world.forget_below(place.uri)
    tombstone = {"id": place.id, "last_modified": stamp, "deleted": True}
    world.tombstones.setdefault(place.list_uri, {})[str(place.id)] = tombstone
    world.moved(place.list_uri, stamp)
    remember(world, request, place, "delete")
    return tombstone


def refuse_taken(world: World, place: Place, stamp: int, *, is_wanted: bool) -> None:
    """TS-8: a timestamp of the client's that another object of the list has."""
    others = [
        thing.data for thing in world.children(place.list_uri) if thing.data["id"] != place.id
    ]
    others += [
        tombstone
        for tombstone in world.tombstones.get(place.list_uri, {}).values()
        if tombstone["id"] != place.id
    ]
    if is_wanted and stamp in [other["last_modified"] for other in others]:
        raise Refused(409, 122, headers={"Retry-After": "3"})


def remember(world: World, request: Request, place: Place, action: str) -> None:
    """The history entry of a change (section 20.1)."""
    if place.kind == "bucket" and action == "delete":
        return  # HIS-5: the history goes with it.
    bucket = (place.parents or [place.uri])[0]
    thing = world.things.get(place.uri)
    if thing is not None:
        data, acl = thing.data, thing.acl
    else:
        data, acl = world.tombstones[place.list_uri][str(place.id)], {}
    names = {f"{place.kind}_id": place.id}
    if place.kind == "record":
        names["collection_id"] = place.parents[1].rpartition("/")[2]
    target = {
        "data": data,
        "permissions": {name: sorted(principals) for name, principals in acl.items() if principals},
    }
    shown: Data = {
        "id": UNKNOWN,
        "last_modified": Unseen(world.entries),
        "date": UNKNOWN,
        "action": action,
        "resource_name": place.kind,
        "uri": place.uri,
        **names,
        "user_id": None if request.user is None else world.users[request.user],
        "target": copy.deepcopy(target),
    }
    readers = allowed(world, place.kind, "read", place.uri)
    world.entries += 1
    world.history.setdefault(bucket, []).append(Entry(shown, readers))
    world.stamps.pop(f"{bucket}/history", None)  # HIS-4: to be learnt again.


def _stamp(change: Change, wanted: Any, existing: Thing | None) -> int:
    """TS-2, TS-5, TS-6, TS-7: the client's timestamp where it may be, the server's else."""
    newest = change.world.stamps.get(change.place.list_uri)
    is_date = isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 0
    if existing is None:
        is_wanted = is_date and wanted != newest
    else:
        is_wanted = is_date and wanted > existing.data["last_modified"]
    if not is_wanted:
        return change.told.stamp(newest)
    refuse_taken(change.world, change.place, wanted, is_wanted=True)
    return int(wanted)
