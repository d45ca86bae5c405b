"""Random users, places, preconditions and bodies, small enough that requests meet each other."""

from typing import Any, Final

from hypothesis import strategies as st

from tests.support.model.messages import ABSENT
from tests.support.model.world import AUTHENTICATED, EVERYONE, PERMISSION_NAMES, Data, place_of

# --- Who and what ---------------------------------------------------------------------------------

users: Final = st.sampled_from([*["nadia"] * 12, *["omar"] * 3, "pia", "acct", None])
principals: Final = st.sampled_from(
    [
        "$nadia", "$omar", "$pia", "$acct", EVERYONE, AUTHENTICATED,
        "/buckets/atlas/groups/curators", "/buckets/birds/groups/crew", "account:nobody",
    ]
)  # fmt: skip


def _mostly(often: list[str], *, seldom: list[str]) -> st.SearchStrategy[str]:
    """One of those that are likely to exist, in five of six cases."""
    # Not `one_of`, which takes a branch once however often it is given.
    return st.sampled_from([*often * (5 * len(seldom)), *seldom * len(often)])


buckets: Final = _mostly(["/buckets/atlas"], seldom=["/buckets/birds", "/buckets/nest"])
own_buckets: Final = st.sampled_from(
    ["/buckets/default", "/buckets/$own:nadia", "/buckets/$own:omar"]
)
collections: Final = st.builds(
    "{}/collections/{}".format, buckets, _mostly(["stations"], seldom=["tides"])
)
groups: Final = st.builds("{}/groups/{}".format, buckets, st.sampled_from(["curators", "crew"]))
records: Final = st.builds(
    "{}/records/{}".format, collections, _mostly(["r1", "r2"], seldom=["r3", "$made", "r!"])
)
HOME: Final = "/buckets/atlas/collections/stations"
homes: Final = st.sampled_from(
    [
        *[f"{HOME}/records/r1"] * 6,
        *[f"{HOME}/records/r2"] * 3,
        *[HOME] * 3,
        "/buckets/atlas/groups/curators",
        "/buckets/atlas",
    ]
)
"""What the owner has at the beginning."""
LISTS: Final = {
    "records": st.builds("{}/records".format, collections),
    "collections": st.builds("{}/collections".format, buckets),
    "groups": st.builds("{}/groups".format, buckets),
    "buckets": st.just("/buckets"),
}
OBJECTS: Final = {"bucket": buckets, "collection": collections, "group": groups, "record": records}
kinds: Final = st.sampled_from(["record"] * 7 + ["collection"] * 3 + ["bucket", "group", "group"])
places: Final = kinds.flatmap(lambda kind: OBJECTS[kind])
doomed: Final = st.sampled_from([records] * 5 + [places]).flatmap(lambda places: places)
lists: Final = _mostly(["records"], seldom=["collections", "groups", "buckets"]).flatmap(
    lambda plural: LISTS[plural]
)


def kind_of(path: str) -> str:
    return place_of(path).kind


# --- Preconditions --------------------------------------------------------------------------------

conditions: Final = st.sampled_from(
    [()] * 20
    + [
        (("If-Match", '"$current"'),),
        (("If-Match", '"$current"'),),
        (("If-Match", '"$current+1"'),),
        (("If-Match", '"$current+-1"'),),
        (("If-Match", "*"),),
        (("If-None-Match", "*"),),
        (("If-None-Match", "*"),),
        (("If-None-Match", '"$current"'),),
        (("If-None-Match", '"$current+-1"'),),
        (("If-Match", '"$list"'),),
        (("If-None-Match", '"$list"'),),
        (("If-Match", "$current"),),
        (("If-None-Match", 'W/"$current"'),),
        (("If-Match", '"$current"'), ("If-None-Match", "*")),
        (("If-Match", '"one"'), ("If-None-Match", '"1", "2"')),
    ]
)
"""Exact, one off, stale, of the list, any, none, malformed, and both."""

# --- Bodies ---------------------------------------------------------------------------------------

texts: Final = st.sampled_from(["", "Bay", "bay", "Harbour", "Old_Cove", "50%", "über", "1"])
numbers: Final = st.sampled_from([0, 1, 2, 2.0, 2.5, -1, 10])
scalars: Final = st.one_of(st.none(), st.booleans(), numbers, texts)
values: Final = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(st.sampled_from(["x", "y"]), scalars, max_size=2),
)
fields: Final = st.fixed_dictionaries(
    {},
    optional={
        "n": st.one_of(numbers, values),
        "s": st.one_of(texts, values),
        "l": st.one_of(st.lists(scalars, max_size=3), values),
        "o": st.one_of(st.fixed_dictionaries({}, optional={"x": values, "y": values}), values),
        "title": texts,
    },
)
stamps: Final = st.sampled_from(
    [
        1000, 1001, "$list", "$list+5000", "$current", "$current+1", "$current+-1", "$other",
        "$other+1", "soon", 12.5, None, True, -5, 10**17,
    ]
)  # fmt: skip
schemas: Final = st.sampled_from(
    [
        {"type": "object", "required": ["title"]},
        {"type": "object", "properties": {"n": {"type": "integer"}}},
        {},
    ]
)
SCHEMA_FIELDS: Final = {"collection": ["schema"], "bucket": ["record:schema"]}
RARE_SCHEMA_FIELDS: Final = ["collection:schema", "group:schema"]


@st.composite
def data(draw: st.DrawFn, kind: str) -> Data:
    """Fields of an object, sometimes with one that the contract gives a meaning to."""
    made: Data = dict(draw(fields))
    if draw(st.integers(0, 9)) == 0:
        made["last_modified"] = draw(stamps)
    if kind == "group":
        made["members"] = draw(st.lists(principals.filter(_may_be_member), max_size=2))
    match draw(st.integers(0, 24)), kind:
        case 0 | 1 | 2 | 3, "bucket" | "collection":
            made[draw(st.sampled_from(SCHEMA_FIELDS[kind]))] = draw(schemas)
        case 4, "bucket":
            made[draw(st.sampled_from(RARE_SCHEMA_FIELDS))] = draw(schemas)
        case 5 | 6, "collection":
            made["cache_expires"] = draw(st.sampled_from([60, 0, "60", 1, None, "soon"]))
        case 7, "bucket" | "collection":
            made[SCHEMA_FIELDS[kind][0]] = draw(st.sampled_from([{"type": "nope"}, 3, None]))
        case 8, "group":
            made["members"] = draw(
                st.sampled_from([[EVERYONE], "nadia", None, [1], ["/buckets/a"]])
            )
        case 9, "record":
            made |= draw(st.sampled_from([{"schema": 1}, {"deleted": True}, {"id": "r2"}]))
        case _:
            pass
    return made


def permissions(kind: str) -> st.SearchStrategy[Data]:
    return st.dictionaries(
        st.sampled_from(PERMISSION_NAMES[kind]), st.lists(principals, max_size=2), max_size=2
    )


def bodies(kind: str) -> st.SearchStrategy[Any]:
    """Bodies of POST, PUT and the two plain kinds of PATCH."""
    part = {"data": data(kind), "permissions": permissions(kind)}
    return st.one_of(
        st.fixed_dictionaries({"data": data(kind)}),
        st.fixed_dictionaries({"data": data(kind)}, optional={"permissions": part["permissions"]}),
        st.fixed_dictionaries({"permissions": permissions(kind)}),
        st.fixed_dictionaries({}, optional=part),
        st.just({"data": {"n": 1}}),
        st.sampled_from([ABSENT, {}, *BROKEN_BODIES]),
    )


def bodies_of_begin(kind: str) -> st.SearchStrategy[Data]:
    """Bodies that are always taken."""
    return st.fixed_dictionaries({"data": fields}, optional={"permissions": permissions(kind)})


BROKEN_BODIES: Final[list[Any]] = [
    [],
    "text",
    3,
    {"data": []},
    {"data": {"n": 1}, "colour": 1},
    {"permissions": []},
    {"permissions": {"fly": []}},
    {"permissions": {"read": EVERYONE}},
    {"permissions": {"write": ["$nadia", 1]}},
    {"data": {}, "permissions": {"read": None}},
]


def _may_be_member(principal: str) -> bool:
    return principal != EVERYONE and not principal.startswith("/buckets/")


# --- JSON Patch -----------------------------------------------------------------------------------

_values_at: Final = st.sampled_from(
    ["/data/n", "/data/s", "/data/o", "/data/o/x", "/data/l", "/data/l/0", "/data/l/-", "/data/new"]
)
_principals_at: Final = st.builds(
    "/permissions/{}/{}".format,
    st.sampled_from(["read", "write", "record:create"]),
    st.sampled_from(["$nadia", "$omar", EVERYONE, "~1buckets~1atlas~1groups~1curators"]),
)


def _operation(op: str, path: str, **more: Any) -> Data:
    return {"op": op, "path": path, **more}


operations: Final = st.one_of(
    st.builds(_operation, st.just("add"), st.sampled_from(["/data/n", "/data/o"]), value=values),
    st.builds(_operation, st.sampled_from(["add", "replace", "test"]), _values_at, value=values),
    st.builds(_operation, st.just("remove"), _values_at),
    st.builds(_operation, st.sampled_from(["move", "copy"]), _values_at, **{"from": _values_at}),
    st.builds(_operation, st.sampled_from(["add", "add", "remove", "test"]), _principals_at),
    st.sampled_from(
        [
            _operation("add", "/permissions/read", value=["$omar"]),
            _operation("remove", "/permissions/read"),
            _operation("replace", "/data", value={"n": 3}),
            _operation("remove", "/data"),
            _operation("replace", "/data/id", value="other"),
            _operation("add", "/elsewhere", value=1),
            _operation("fly", "/data/n"),
            _operation("add", "data/n", value=1),
            _operation("add", "/data/n"),
            {"op": "remove"},
        ]
    ),
)
