"""Random requests, written with words for what only a running server knows.

Such a word begins with `$`: `$nadia` is her user id, `$current` the timestamp of the object that
the request is for, `$list` that of its list. `resolved` puts the values in. So a sequence of wishes
is the same requests again on another server, which is what Hypothesis needs to shrink it.
"""

from dataclasses import dataclass
from typing import Any, Final

from tests.support.model.forms import JSON_PATCH
from tests.support.model.messages import ABSENT, Request
from tests.support.model.wire import target
from tests.support.model.world import Data, Place, World, is_array, is_object, place_of

USERS: Final = ("nadia", "omar", "pia", "acct")
OWNER: Final = "nadia"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request with words in it."""

    user: str | None
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = ABSENT


def resolved(world: World, wish: Wish) -> Request:
    """The request, with the values of this world for the words."""
    if wish.path == "/batch":
        items = [_item(world, one, index) for index, one in enumerate(wish.body["requests"])]
        body = _value(world, None, {**wish.body, "requests": []}) | {"requests": items}
        return Request(user=wish.user, method="POST", path="/batch", body=body)
    path = _path(world, wish.path)
    place = place_of(path) if path.count("/") > 0 and wish.path.startswith("/buckets") else None
    return Request(
        user=wish.user,
        method=wish.method,
        path=path,
        query=tuple((name, str(_value(world, place, text))) for name, text in wish.query),
        headers={name: str(_value(world, place, text)) for name, text in wish.headers},
        body=_value(world, place, wish.body),
    )


def _item(world: World, wish: Wish, index: int) -> Data:
    """A wish as an item of a batch; every second one names the version (BAT-9)."""
    request = resolved(world, wish)
    item: Data = {"path": target(request).removeprefix("/v1" if index % 2 else "")}
    if wish.method != "GET":
        item["method"] = wish.method
    if request.headers:
        item["headers"] = request.headers
    body: Any = request.body
    if is_object(body) or (is_array(body) and request.media == JSON_PATCH):
        item["body"] = body
    return item


def _path(world: World, path: str) -> str:
    names = path.split("/")
    for index, name in enumerate(names):
        if name.startswith("$own:"):
            names[index] = world.own_buckets[name.removeprefix("$own:")]
        if name == "$made":
            list_uri = "/".join(names[:index])
            made = [thing.data["id"] for thing in world.children(list_uri)]
            names[index] = max(made, key=len, default="r1")
    return "/".join(names)


def _value(world: World, place: Place | None, value: Any) -> Any:
    if is_object(value):
        return {name: _value(world, place, member) for name, member in value.items()}
    if is_array(value):
        return [_value(world, place, element) for element in value]
    if not isinstance(value, str):
        return value
    if value.startswith('"$') and value.endswith('"'):
        return f'"{_value(world, place, value[1:-1])}"'
    if "/$" in value:  # A principal in the path of a JSON Patch.
        head, _, name = value.rpartition("$")
        return f"{head}{world.users[name]}"
    if not value.startswith("$"):
        return value
    word = value.removeprefix("$")
    if word in world.users:
        return world.users[word]
    name, _, offset = word.partition("+")
    return _stamp(world, place, name) + int(offset or 0)


def _stamp(world: World, place: Place | None, name: str) -> int:
    if place is None:
        return 1
    stamp: Any = None
    if name == "current" and place.id is not None and place.uri in world.things:
        stamp = world.things[place.uri].data["last_modified"]
    elif name == "other":
        stamps = [thing.data["last_modified"] for thing in world.children(place.list_uri)]
        stamp = min((one for one in stamps if isinstance(one, int)), default=None)
    else:
        stamp = world.stamps.get(place.list_uri)
    return stamp if isinstance(stamp, int) else 1
