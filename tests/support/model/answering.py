"""What a server that keeps the contract answers to a request, and what it then knows."""

from typing import Any

from tests.support.model import forms, histories, lists, objects
from tests.support.model.batches import expect_batch
from tests.support.model.changes import Change, store_change
from tests.support.model.messages import Answer, Expected, Refused, Request, Told
from tests.support.model.objects import unauthorized
from tests.support.model.rights import may
from tests.support.model.world import Place, Unseen, World, place_of


class _Silent(Told):
    """What the server makes by itself, no answer tells of (DEF-3)."""

    def __init__(self) -> None:
        super().__init__(Answer(0, {}, None))

    def stamp(self, after: Any) -> Any:
        return Unseen((after or 0) + 0.5)


def expect(world: World, request: Request, answer: Answer) -> tuple[Expected, list[str]]:
    """The answer that is right, and what is wrong with the timestamps of the one that came.

    The world is changed as the request changes it; of the answer that came, only what the server
    makes itself is looked at.
    """
    if request.path == "/batch":
        return expect_batch(world, request, answer, expect)
    told = Told(answer)
    try:
        return _respond(world, request, told), told.problems
    except Refused as refused:
        return refused.expected, told.problems


def _respond(world: World, request: Request, told: Told) -> Expected:
    forms.refuse_media(request)
    if request.path == "/permissions":
        return histories.get_permissions(world, request)
    if request.method not in _methods(place_of(request.path)):
        raise Refused(405, 115)
    place = place_of(_resolved(world, request))
    if place.kind == "history":
        return _for_history(world, request, place, told)
    if place.id is None:
        return _for_list(world, request, place, told)
    return _for_object(world, request, place, told)


def _for_history(world: World, request: Request, place: Place, told: Told) -> Expected:
    if request.method == "DELETE":
        return histories.delete_history(world, request, place)
    return histories.get_history(world, request, place, told)


def _for_list(world: World, request: Request, place: Place, told: Told) -> Expected:
    match request.method:
        case "POST":
            return objects.post(world, request, place, told)
        case "DELETE":
            return lists.delete(world, request, place, told)
        case _:
            return lists.get(world, request, place, told)


def _for_object(world: World, request: Request, place: Place, told: Told) -> Expected:
    match request.method:
        case "PUT":
            return objects.put(world, request, place, told)
        case "PATCH":
            return objects.patch(world, request, place, told)
        case "DELETE":
            return objects.delete(world, request, place, told)
        case _:
            return objects.get(world, request, place)


def _methods(place: Place) -> str:
    """Section 2.1."""
    if place.kind == "history":
        return "GET HEAD DELETE"
    return "GET HEAD POST DELETE" if place.id is None else "GET HEAD PUT PATCH DELETE"


def _resolved(world: World, request: Request) -> str:
    """The path with the requester's own bucket for `default`, which is made if it is not there."""
    names = request.path.strip("/").split("/")
    if names[:2] != ["buckets", "default"]:
        return request.path
    if request.user is None:
        raise unauthorized()
    names[1] = world.own_buckets[request.user]
    path = "/" + "/".join(names)
    names_collection = len(names) > 3 and names[2] == "collections"
    if names_collection and not forms.OBJECT_ID.fullmatch(names[3]):
        forms.refuse(forms.INVALID_ID)
    _make(world, request, place_of("/" + "/".join(names[:2])), path)
    if names_collection:
        _make(world, request, place_of("/" + "/".join(names[:4])), path)
    return path


def _make(world: World, request: Request, place: Place, path: str) -> None:
    """DEF-3, DEF-4; a PUT of the very object makes it itself (DEF-6)."""
    is_itself = path == place.uri and request.method == "PUT"
    if place.uri in world.things or is_itself:
        return
    if place.kind == "bucket" or may(world, request.user, place.kind, "create", place.list_uri):
        store_change(Change(world, request, place, {}, {}, _Silent()))
