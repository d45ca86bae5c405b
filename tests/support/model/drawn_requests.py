"""Random requests of each kind."""

from typing import Any, Final

from hypothesis import strategies as st

from tests.support.model.drawn_bodies import (
    bodies,
    buckets,
    conditions,
    doomed,
    fields,
    homes,
    kind_of,
    lists,
    operations,
    own_buckets,
    permissions,
    places,
    users,
)
from tests.support.model.drawn_queries import queries
from tests.support.model.messages import ABSENT
from tests.support.model.wishes import OWNER, Wish
from tests.support.model.world import Data, is_object, place_of

# --- Requests -------------------------------------------------------------------------------------

_plain: Final = st.sampled_from([(), (), (), (("Content-Type", "application/json"),)])
_merge: Final = (("Content-Type", "application/merge-patch+json"),)
_json_patch: Final = (("Content-Type", "application/json-patch+json"),)
_behaviours: Final = st.sampled_from(
    [()] * 6 + [(("Response-Behavior", name),) for name in ("light", "diff", "full", "loud")]
)


@st.composite
def meetings(draw: st.DrawFn, places: st.SearchStrategy[str]) -> tuple[str | None, str]:
    """A user and a place; in half of the cases the owner, at what is most likely there."""
    if draw(st.booleans()):
        return OWNER, draw(homes)
    return draw(users), draw(places)


@st.composite
def puts(draw: st.DrawFn) -> Wish:
    user, path = draw(meetings(places))
    return Wish(
        user=user,
        method="PUT",
        path=path,
        headers=draw(conditions) + draw(_plain),
        body=draw(bodies(kind_of(path))),
    )


@st.composite
def posts(draw: st.DrawFn) -> Wish:
    path = draw(lists)
    kind = kind_of(path)
    body = draw(bodies(kind))
    ids = {"bucket": "atlas", "collection": "stations", "group": "curators", "record": "r1"}
    id_ = draw(st.sampled_from([None, ids[kind], ids[kind], "x1", "x!", 3]))
    if id_ is not None and is_object(body) and is_object(body.get("data")):
        body = {**body, "data": {**body["data"], "id": id_}}
    return Wish(user=draw(users), method="POST", path=path, headers=draw(conditions), body=body)


@st.composite
def patches(draw: st.DrawFn) -> Wish:
    user, path = draw(meetings(places))
    headers = draw(st.sampled_from([(), _merge, _json_patch]))
    if headers == _json_patch:
        body: Any = draw(st.lists(operations, max_size=2))
    else:
        body = draw(bodies(kind_of(path)))
    headers += draw(conditions) + draw(_behaviours)
    return Wish(user=user, method="PATCH", path=path, headers=headers, body=body)


@st.composite
def deletes(draw: st.DrawFn) -> Wish:
    query = draw(
        st.sampled_from([()] * 9 + [(("last_modified", text),) for text in DELETION_STAMPS])
    )
    user, path = draw(meetings(doomed))
    return Wish(user=user, method="DELETE", path=path, query=query, headers=draw(conditions))


DELETION_STAMPS: Final = ("$current+7", '"$current+9"', "$current", "12", "$list", "$other", "x")


@st.composite
def gets(draw: st.DrawFn) -> Wish:
    user, path = draw(meetings(places))
    query = draw(st.sampled_from([()] * 4 + [(("_fields", text),) for text in ("n,o.x", "", "l")]))
    return Wish(
        user=user,
        method=draw(st.sampled_from(["GET", "GET", "HEAD"])),
        path=path,
        query=query,
        headers=draw(conditions),
    )


@st.composite
def listings(draw: st.DrawFn) -> Wish:
    return Wish(
        user=draw(users),
        method=draw(st.sampled_from(["GET", "GET", "GET", "HEAD"])),
        path=draw(lists),
        query=draw(queries),
        headers=draw(conditions),
    )


@st.composite
def clearings(draw: st.DrawFn) -> Wish:
    return Wish(
        user=draw(users),
        method="DELETE",
        path=draw(lists),
        query=draw(queries),
        headers=draw(conditions),
    )


@st.composite
def histories(draw: st.DrawFn) -> Wish:
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "DELETE"]))
    queries = DELETED_HISTORY if method == "DELETE" else HISTORY_QUERIES
    path, query = f"{draw(buckets)}/history", draw(st.sampled_from(queries))
    return Wish(user=draw(users), method=method, path=path, query=query)


DELETED_HISTORY: Final = [
    (),
    (("action", "delete"),),
    (("record_id", "r1"),),
    (("uri", "/buckets/atlas"),),
    (("colour", "red"),),
]
HISTORY_QUERIES: Final = [
    (),
    (),
    (("resource_name", "record"),),
    (("action", "delete"),),
    (("action", "update"), ("_limit", "2")),
    (("record_id", "r1"),),
    (("user_id", "$nadia"), ("_fields", "uri,action")),
    (("uri", "/buckets/atlas/collections/stations"),),
    (("target.data.n", "1"),),
    (("like_uri", "records"), ("_limit", "1")),
    (("colour", "red"),),
]


@st.composite
def permission_lists(draw: st.DrawFn) -> Wish:
    return Wish(
        user=draw(users),
        method=draw(st.sampled_from(["GET", "GET", "HEAD"])),
        path="/permissions",
        query=draw(st.sampled_from(PERMISSION_QUERIES)),
    )


PERMISSION_QUERIES: Final = [
    (),
    (),
    (("resource_name", "record"),),
    (("_limit", "2"),),
    (("_sort", "uri"), ("_limit", "3")),
    (("bucket_id", "atlas"), ("in_resource_name", "collection,group")),
    (("_fields", "uri"),),
    (("colour", "red"),),
]


@st.composite
def defaults(draw: st.DrawFn) -> Wish:
    """A request for the default bucket, by its alias or by its id."""
    bucket = draw(own_buckets)
    path = bucket + draw(
        st.sampled_from(
            [
                "",
                "",
                "/collections",
                "/collections/tides",
                "/collections/tides/records",
                "/collections/tides/records/r1",
                "/collections/t!/records",
                "/groups/crew",
            ]
        )
    )
    kind = kind_of(path)
    is_list = place_of(path).id is None
    method = draw(
        st.sampled_from(["GET", "POST"] if is_list else ["GET", "PUT", "DELETE", "PATCH"])
    )
    body: Any = ABSENT
    if method in ("PUT", "POST", "PATCH"):
        body = {"data": draw(fields), "permissions": draw(permissions(kind))}
    return Wish(user=draw(users), method=method, path=path, body=body)


@st.composite
def batches(draw: st.DrawFn) -> Wish:
    """Several of all the others, as one."""
    inner = st.one_of(
        puts(), puts(), posts(), patches(), deletes(), gets(), listings(), clearings(), defaults()
    )
    body: Data = {"requests": draw(st.lists(inner, min_size=1, max_size=5))}
    if draw(st.integers(0, 5)) == 0:
        body["defaults"] = draw(st.sampled_from(DEFAULTS))
    return Wish(user=draw(users), method="POST", path="/batch", body=body)


DEFAULTS: Final = [
    {"method": "PUT"},
    {"headers": {"If-None-Match": "*"}},
    {"body": {"permissions": {"read": ["$omar"]}}},
]


def others() -> st.SearchStrategy[Wish]:
    """What is neither an object nor a list of the four kinds, or goes by another name."""
    return st.one_of(histories(), permission_lists(), defaults())
