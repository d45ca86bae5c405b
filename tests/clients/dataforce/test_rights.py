"""Who may do what, and in which order it is looked at (sections 6 and 7)."""

from typing import Final
from uuid import uuid4

import pytest

from tests.clients.dataforce.site import Site, create

NOT_ENOUGH: Final = {"detail": "Not enough rights"}


@pytest.mark.parametrize("key", [None, "", "muni_nonsense", "x" * 500], ids=str)
def test_without_a_good_key_there_is_nothing(site: Site, orbit: str, key: str | None) -> None:
    """Section 6: 401 on every path, whatever lies there."""
    nobody = site.client(None, key=key)

    for path in ("/users/me/organizations", f"{orbit}/collections", "/organizations/None/orbits"):
        answer = nobody("GET", path)
        assert answer.status_code == 401
        assert isinstance(answer.json()["detail"], str)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_another_scheme_is_no_key(site: Site) -> None:
    """Section 6: Basic credentials of `/v1` are none here."""
    client = site.client(None)
    client.authorize("Basic b3duZXI6cGFzc3dvcmQ=")

    assert client("GET", "/users/me/organizations").status_code == 401


def test_a_projects_key_is_no_users(site: Site) -> None:
    """It speaks for a bucket of another dialect."""
    project = site.operate("POST", "/v1/__projects__", {"name": "Atlas"})
    client = site.client(None, key=project["key"]["key"])

    assert client("GET", "/users/me/organizations").status_code == 401


def test_a_users_key_is_nothing_to_v1(site: Site, orbit: str) -> None:
    """There it is no credential at all, so the rights of this API can't be walked around."""
    bucket = orbit.rpartition("/")[2]

    assert site.client("owner")("GET", f"/v1/buckets/{bucket}").status_code == 401


def test_a_revoked_key_ends(site: Site) -> None:
    """At once on the instance that revoked it."""
    made = site.operate("POST", "/v1/__users__", {"name": "brief"})
    client = site.client(None, key=made["key"]["key"])
    assert client("GET", "/users/me/organizations").status_code == 200

    site.operate("DELETE", f"/v1/__keys__/{made['key']['id']}")

    assert client("GET", "/users/me/organizations").status_code == 401


RIGHTS: Final = {
    "owner": {"list", "read", "create", "update", "delete"},
    "admin": {"list", "read", "create", "update", "delete"},
    "orbit_admin": {"list", "read", "create", "update", "delete"},
    "member": {"list", "read", "create", "update"},
    "orbitless": set[str](),
    "outsider": set[str](),
}


@pytest.mark.parametrize("user", RIGHTS)
def test_what_a_role_may_do_with_collections(site: Site, orbit: str, user: str) -> None:
    """Section 7, the column of collections; what is refused changes nothing."""
    client, listing = site.client(user), f"{orbit}/collections"
    path = f"{listing}/{create(site.owner, orbit)['id']}"
    body = {"name": "n", "description": "d", "type": "model"}
    answers = {
        "list": client("GET", listing),
        "read": client("GET", path),
        "create": client("POST", listing, body),
        "update": client("PATCH", path, {"name": "changed"}),
        "delete": client("DELETE", path),
    }

    assert {name for name, answer in answers.items() if answer.ok} == RIGHTS[user]
    refused = [answer for answer in answers.values() if not answer.ok]
    assert all((each.status_code, each.json()) == (403, NOT_ENOUGH) for each in refused)
    left = site.owner("GET", path)
    assert left.status_code == (404 if "delete" in RIGHTS[user] else 200)


ORBIT_RIGHTS: Final = {
    "owner": {"list", "read", "update", "create", "delete"},
    "admin": {"list", "read", "update", "create"},
    "orbit_admin": {"list", "read", "update"},
    "member": {"list", "read"},
    "orbitless": {"list"},
    "outsider": set[str](),
}


@pytest.mark.parametrize("user", ORBIT_RIGHTS)
def test_what_a_role_may_do_with_orbits(site: Site, orbit: str, user: str) -> None:
    """Section 7, the column of orbits."""
    client = site.client(user)
    answers = {
        "list": client("GET", site.orbits),
        "read": client("GET", orbit),
        "update": client("PATCH", orbit, {"name": "changed"}),
        "create": client("POST", site.orbits, {"name": "n", "bucket_secret_id": str(uuid4())}),
        "delete": client("DELETE", orbit),
    }

    assert {name for name, answer in answers.items() if answer.ok} == ORBIT_RIGHTS[user]
    refused = [answer for answer in answers.values() if not answer.ok]
    assert all((each.status_code, each.json()) == (403, NOT_ENOUGH) for each in refused)


def test_members_see_the_orbits_that_they_are_in(site: Site, orbit: str) -> None:
    """Section 7: owners see all of them."""
    created = site.owner("POST", site.orbits, {"name": "hidden"}).json()

    assert created["id"] in [each["id"] for each in site.owner("GET", site.orbits).json()]
    seen = [each["id"] for each in site.member("GET", site.orbits).json()]
    assert orbit.rpartition("/")[2] in seen
    assert created["id"] not in seen
    assert site.client("orbitless")("GET", site.orbits).json() == []


def test_a_new_orbit_is_whole(site: Site) -> None:
    """Section 9: what was given comes back, and it can be changed and deleted."""
    secret = str(uuid4())
    made = site.owner("POST", site.orbits, {"name": "mine", "bucket_secret_id": secret}).json()
    path = f"{site.orbits}/{made['id']}"
    assert (made["name"], made["bucket_secret_id"]) == ("mine", secret)
    create(site.owner, path)

    changed = site.owner("PATCH", path, {"name": "ours"}).json()

    assert (changed["name"], changed["bucket_secret_id"]) == ("ours", secret)
    assert changed["updated_at"] is not None
    assert site.owner("DELETE", path).status_code == 204
    for gone in (path, f"{path}/collections"):
        answer = site.owner("GET", gone)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Orbit not found"})


def test_who_asks_is_looked_at_before_what_is_there(site: Site, orbit: str) -> None:
    """Section 6: nobody learns what exists where they are nobody."""
    unknown = uuid4()
    outsider = site.client("outsider")

    for path in (orbit, f"{orbit}/collections", f"/organizations/{unknown}/orbits"):
        assert outsider("GET", path).status_code == 403
    assert site.owner("GET", f"/organizations/{unknown}/orbits").status_code == 403
    missing = site.owner("GET", f"{site.orbits}/{unknown}/collections/{unknown}")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Orbit not found"})
    missing = site.owner("GET", f"{orbit}/collections/{unknown}")
    assert (missing.status_code, missing.json()) == (404, {"detail": "Collection not found"})


def test_a_collection_of_another_orbit_is_none_here(site: Site, orbit: str) -> None:
    """Section 6."""
    elsewhere = create(site.owner, site.new_orbit())

    path = f"{orbit}/collections/{elsewhere['id']}"
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert site.owner(method, path, body).status_code == 404


def test_an_orbit_of_another_organization_is_none_here(site: Site, orbit: str) -> None:
    """Section 6: also for who owns both."""
    body = {"name": "Second", "owner": site.users["owner"]}
    second = site.operate("POST", "/v1/__organizations__", body)["id"]
    try:
        moved = orbit.replace(site.organization, second)
        assert site.owner("GET", moved).json() == {"detail": "Orbit not found"}
    finally:
        path = f"/v1/__organizations__/{second}/members/{site.users['owner']}"
        site.operate("DELETE", path)


def test_who_is_put_out_has_no_rights_left(site: Site, orbit: str) -> None:
    """Not even on what they have made and changed."""
    member = site.client("member")
    made = create(member, orbit)
    path = f"/v1/__orbits__/{orbit.rpartition('/')[2]}/members/{site.users['member']}"

    site.operate("DELETE", path)

    assert member("GET", f"{orbit}/collections/{made['id']}").status_code == 403
    assert member("GET", orbit).status_code == 403


def test_a_bucket_that_says_it_is_an_organization_is_none(site: Site) -> None:
    """Anybody may make one in `/v1`, and name others as its members."""
    nadia = site.v1("nadia")
    bucket = str(uuid4())
    body = {"data": {"kind": "organization", "name": "Trap"}}
    assert nadia("PUT", f"/v1/buckets/{bucket}", body).status_code == 201
    members = {"data": {"members": [f"user:{site.users['owner']}"]}}
    assert nadia("PUT", f"/v1/buckets/{bucket}/groups/members", members).status_code == 201

    listed = site.owner("GET", "/users/me/organizations").json()

    assert [each["id"] for each in listed] == [site.organization]
    assert site.owner("GET", f"/organizations/{bucket}/orbits").status_code == 403
