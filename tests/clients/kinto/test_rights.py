"""Sections 7.1 and 7.2: the permissions of each type, and what each of them allows."""

from typing import Any, Final

import pytest

from tests.clients.requester import Atlas, data, detail, refusal

PERMISSIONS: Final = {
    "bucket": ("read", "write", "collection:create", "group:create"),
    "collection": ("read", "write", "record:create"),
    "group": ("read", "write"),
    "record": ("read", "write"),
}
ALL: Final = {f"{kind}.{name}" for kind, names in PERMISSIONS.items() for name in names}

Acts = dict[str, tuple[str, str, Any, set[str]]]

ACTS: Final[Acts] = {
    # what is done: method, path, body, and the permissions each of which is enough
    "read a bucket": (
        "GET",
        "{bucket}",
        None,
        {"bucket.write", "bucket.read", "bucket.collection:create", "bucket.group:create"},
    ),
    "write a bucket": ("PATCH", "{bucket}", {"data": {}}, {"bucket.write"}),
    "create a collection": (
        "PUT",
        "{bucket}/collections/new",
        None,
        {"bucket.write", "bucket.collection:create"},
    ),
    "create a group": (
        "PUT",
        "{bucket}/groups/new",
        None,
        {"bucket.write", "bucket.group:create"},
    ),
    "read a collection": (
        "GET",
        "{collection}",
        None,
        {
            *("bucket.write", "bucket.read"),
            *("collection.write", "collection.read", "collection.record:create"),
        },
    ),
    "write a collection": (
        "PATCH",
        "{collection}",
        {"data": {}},
        {"bucket.write", "collection.write"},
    ),
    "read a group": (
        "GET",
        "{bucket}/groups/crew",
        None,
        {"bucket.write", "bucket.read", "group.write", "group.read"},
    ),
    "write a group": (
        "PATCH",
        "{bucket}/groups/crew",
        {"data": {}},
        {"bucket.write", "group.write"},
    ),
    "create a record": (
        "POST",
        "{records}",
        {},
        {"bucket.write", "collection.write", "collection.record:create"},
    ),
    "read a record": (
        "GET",
        "{records}/a",
        None,
        {
            *("bucket.write", "bucket.read", "collection.write", "collection.read"),
            *("record.write", "record.read"),
        },
    ),
    "write a record": (
        "PATCH",
        "{records}/a",
        {"data": {}},
        {"bucket.write", "collection.write", "record.write"},
    ),
    "delete a record": (
        "DELETE",
        "{records}/a",
        None,
        {"bucket.write", "collection.write", "record.write"},
    ),
    "delete a collection": (
        "DELETE",
        "{collection}",
        None,
        {"bucket.write", "collection.write"},
    ),
    "delete a bucket": ("DELETE", "{bucket}", None, {"bucket.write"}),
    "delete the history": ("DELETE", "{bucket}/history", None, {"bucket.write"}),
}

LISTS: Final[Acts] = {
    # and which of them lets one see everything
    "list all collections": (
        "GET",
        "{bucket}/collections",
        None,
        {"bucket.write", "bucket.read"},
    ),
    "list all groups": ("GET", "{bucket}/groups", None, {"bucket.write", "bucket.read"}),
    "list all records": (
        "GET",
        "{records}",
        None,
        {"bucket.write", "bucket.read", "collection.write", "collection.read"},
    ),
    "delete all collections": ("DELETE", "{bucket}/collections", None, {"bucket.write"}),
    "delete all groups": ("DELETE", "{bucket}/groups", None, {"bucket.write"}),
    "delete all records": (
        "DELETE",
        "{records}",
        None,
        {"bucket.write", "collection.write"},
    ),
}


@pytest.fixture
def furnished(atlas: Atlas) -> Atlas:
    """Two of each: one of them is what permissions are given on."""
    for path in ("{collection}s", "{bucket}/groups/crew", "{bucket}/groups/others"):
        data(atlas.nadia("PUT", atlas.path(path), {"data": {}}))
    for id_ in ("a", "b"):
        atlas.record(id_)
    return atlas


def give(atlas: Atlas, held: set[str]) -> None:
    """Let omar have the permissions, as in `record.read`."""
    paths = {
        "bucket": atlas.bucket,
        "collection": atlas.collection,
        "group": f"{atlas.bucket}/groups/crew",
        "record": f"{atlas.records}/a",
    }
    for kind, path in paths.items():
        names = [each.partition(".")[2] for each in held if each.startswith(f"{kind}.")]
        atlas.grant(path, dict.fromkeys(names, atlas.omar))


@pytest.mark.parametrize(
    ("act", "held"), [(act, held) for act, (*_, enough) in ACTS.items() for held in sorted(enough)]
)
def test_each_permission_alone_allows_what_it_says(furnished: Atlas, act: str, held: str) -> None:
    """Section 7.2, PERM-3 to PERM-5: one by one."""
    method, path, body, _ = ACTS[act]
    give(furnished, {held})

    assert furnished.omar(method, furnished.path(path), body).status_code in {200, 201}


@pytest.mark.parametrize("act", ACTS)
def test_all_other_permissions_together_do_not_allow_it(furnished: Atlas, act: str) -> None:
    """Section 7.2, PERM-21, REC-2: a right on a child gives nothing on its parent."""
    method, path, body, enough = ACTS[act]
    give(furnished, ALL - enough)

    assert refusal(furnished.omar(method, furnished.path(path), body)) == (403, 121)


@pytest.mark.parametrize(
    ("act", "held"), [(act, held) for act, (*_, enough) in LISTS.items() for held in sorted(enough)]
)
def test_each_of_these_alone_gives_all_of_a_list(furnished: Atlas, act: str, held: str) -> None:
    """Section 7.2, PERM-6, PERM-7."""
    method, path, _, _ = LISTS[act]
    give(furnished, {held})

    assert len(data(furnished.omar(method, furnished.path(path)))) == 2


SHARED: Final = [
    # a list, a permission that is not enough for all of it, and how many it gives
    ("list all collections", "collection.read", 1),
    ("list all collections", "collection.write", 1),
    ("list all collections", "collection.record:create", 1),
    ("list all collections", "bucket.collection:create", 0),
    ("list all groups", "group.read", 1),
    ("list all groups", "group.write", 1),
    ("list all groups", "bucket.group:create", 0),
    ("list all records", "record.read", 1),
    ("list all records", "record.write", 1),
    ("list all records", "collection.record:create", 0),
    ("delete all collections", "collection.write", 1),
    ("delete all collections", "bucket.collection:create", 0),
    ("delete all groups", "group.write", 1),
    ("delete all groups", "bucket.group:create", 0),
    ("delete all records", "record.write", 1),
    ("delete all records", "collection.record:create", 0),
]


@pytest.mark.parametrize(("act", "held", "count"), SHARED)
def test_a_list_of_what_is_shared(furnished: Atlas, act: str, held: str, count: int) -> None:
    """PERM-6, PERM-7: by the objects' own ACEs; nothing, and no refusal, for who may create."""
    method, path, _, _ = LISTS[act]
    give(furnished, {held})

    assert len(data(furnished.omar(method, furnished.path(path)))) == count


@pytest.mark.parametrize("act", LISTS)
def test_what_concerns_other_lists_does_not_open_one(furnished: Atlas, act: str) -> None:
    """PERM-6, PERM-7: 403 for who has nothing in it."""
    method, path, _, enough = LISTS[act]
    sharing = {held for shared, held, _ in SHARED if shared == act}
    give(furnished, ALL - enough - sharing)

    assert refusal(furnished.omar(method, furnished.path(path))) == (403, 121)


@pytest.mark.parametrize("kind", PERMISSIONS)
def test_each_type_has_its_permissions(furnished: Atlas, kind: str) -> None:
    """Section 7.1, ERR-12: and no other."""
    paths = {"bucket": "{bucket}", "collection": "{collection}", "record": "{records}/a"}
    path = furnished.path(paths.get(kind, "{bucket}/groups/crew"))
    named = {name: ["account:omar"] for name in PERMISSIONS[kind]}

    taken = furnished.nadia("PATCH", path, {"permissions": named})
    refused = furnished.nadia("PATCH", path, {"permissions": {"delete": ["account:omar"]}})

    assert set(taken.json()["permissions"]) == set(named)
    assert detail(refused)["name"] == "permissions"


def test_a_child_takes_nothing_away(atlas: Atlas) -> None:
    """Section 7.2: what a parent grants holds below."""
    atlas.grant(atlas.bucket, {"read": atlas.omar})
    atlas.record("a", permissions={"read": ["account:pia"]})

    assert atlas.omar("GET", f"{atlas.records}/a").status_code == 200


def test_who_may_create_sees_what_they_made(atlas: Atlas) -> None:
    """Section 7.2: `record:create` shows no record of others."""
    atlas.grant(atlas.collection, {"record:create": atlas.omar})
    atlas.record("a")
    made = data(atlas.omar("POST", atlas.records, {"data": {"n": 1}}))

    assert data(atlas.omar("GET", atlas.records)) == [made]
    assert refusal(atlas.omar("GET", f"{atlas.records}/a")) == (403, 121)
