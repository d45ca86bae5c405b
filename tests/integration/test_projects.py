"""Projects and their keys: over HTTP for administrators, and by `muniment projects`."""

import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from uuid import uuid4

import pytest
import requests

from muniment.domain.values import Uid
from muniment.keys.side import Keys, open_keys
from muniment.keys.store import TenantKind, Wanted
from muniment.runtime.settings import Settings
from tests.clients.requester import Requester, data, refusal
from tests.support.server import MunimentServer, run_in_here, running_server
from tests.support.stack import Stack, new_database, new_name

ADMIN: Final = "admin"
SETTINGS: Final = {
    "auth_policies": "account",
    "account_write_principals": f"account:{ADMIN}",
    "account_create_principals": "system.Everyone",
    "bucket_write_principals": "account:janitor",
    "group_write_principals": "account:janitor",
}


class Site:
    """A server with an administrator, and the command beside it."""

    def __init__(self, server: MunimentServer) -> None:
        self.server = server
        self.origin = server.origin
        self.admin = Requester(self.origin, ADMIN, "s3cr3t")
        self.nadia = Requester(self.origin, "nadia", "s3cr3t")
        self.anonymous = Requester(self.origin, None)
        self.janitor = Requester(self.origin, "janitor", "s3cr3t")
        for each in (self.admin, self.nadia, self.janitor):
            body = {"data": {"password": "s3cr3t"}}
            assert self.anonymous("PUT", f"/v1/accounts/{each.name}", body).status_code == 201

    def run(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        own = {"data_dir": str(self.server.data_dir), "http_port": str(self.server.port)}
        return run_in_here(["projects", *arguments], {**SETTINGS, **own, **settings})

    def new_project(self, name: str = "Atlas") -> Any:
        made = self.admin("POST", "/v1/__projects__", {"name": name})
        assert made.status_code == 201
        return data(made)

    def delete_bucket(self, id_: str) -> None:
        """As whoever may write it can, by `/v1`."""
        assert self.janitor("DELETE", f"/v1/buckets/{id_}").status_code == 200

    def keys(self) -> AbstractAsyncContextManager[Keys]:
        """Where the server's keys are kept."""
        return open_keys(
            Settings(data_dir=self.server.data_dir, postgres_url=self.server.postgres_url)
        )


def wanted(name: str) -> Wanted:
    """What a request for a project of that name is for."""
    return Wanted(kind=TenantKind.PROJECT, asked={"kind": "project", "name": name}, key_label="")


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with (
        new_database(stack) as postgres_url,
        running_server(
            tmp_path_factory.mktemp("projects") / "data",
            stack=Stack(stack.kafka_url, postgres_url),
            settings={"topic_prefix": new_name(), **SETTINGS},
        ) as server,
    ):
        yield Site(server)


def test_a_project_is_a_bucket_that_its_key_alone_may_write(site: Site) -> None:
    """CocoBase contract, section 13: nobody's account gets a right by making it."""
    project = site.new_project()

    assert project["name"] == "Atlas"
    assert project["key"]["principal"] == f"project:{project['id']}"
    assert project["key"]["key"].startswith(project["key"]["prefix"])
    assert refusal(site.admin("GET", f"/v1/buckets/{project['id']}")) == (403, 121)
    assert data(site.admin("GET", f"/v1/__projects__/{project['id']}"))["name"] == "Atlas"
    assert project["id"] in [each["id"] for each in data(site.admin("GET", "/v1/__projects__"))]


def test_only_administrators_make_projects(site: Site) -> None:
    """Others are told that they may not, and who says nothing, to say who they are."""
    body = {"name": "Mine"}

    assert refusal(site.nadia("POST", "/v1/__projects__", body)) == (403, 121)
    assert refusal(site.anonymous("POST", "/v1/__projects__", body)) == (401, 104)
    assert refusal(site.nadia("GET", "/v1/__projects__")) == (403, 121)


def test_a_bucket_that_says_it_is_a_project_is_none(site: Site) -> None:
    """Anybody may make a bucket; keys are for those that an administrator made."""
    bucket = new_name()
    body = {"data": {"kind": "project", "name": "Mine"}}
    assert site.nadia("PUT", f"/v1/buckets/{bucket}", body).status_code == 201

    keys = f"/v1/__projects__/{bucket}/keys"
    assert refusal(site.admin("POST", keys, {})) == (404, 110)
    assert bucket not in [each["id"] for each in data(site.admin("GET", "/v1/__projects__"))]


def test_the_text_of_a_key_is_told_once(site: Site) -> None:
    """Lists show how it begins."""
    project = site.new_project()
    made = site.admin("POST", f"/v1/__projects__/{project['id']}/keys", {"label": "second"})

    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    listed = data(site.admin("GET", f"/v1/__projects__/{project['id']}/keys"))
    assert [each["label"] for each in listed] == ["", "second"]
    assert all("key" not in each for each in listed)
    assert data(made)["key"] not in json.dumps(listed)


def test_a_rotated_key_ends_after_the_overlap(site: Site) -> None:
    """Both are good until then, so that applications can change over."""
    old = site.new_project()["key"]

    rotated = site.admin("POST", f"/v1/__keys__/{old['id']}/rotation", {"overlap_s": 60})

    assert rotated.status_code == 201
    assert data(rotated)["principal"] == old["principal"]
    assert data(rotated)["key"] != old["key"]
    assert data(site.admin("GET", f"/v1/__keys__/{old['id']}"))["expires_at"]


def test_a_revoked_key_stays_revoked_and_is_not_rotated(site: Site) -> None:
    """Who has it might be the one who asks."""
    key = site.new_project()["key"]["id"]

    first = data(site.admin("DELETE", f"/v1/__keys__/{key}"))
    again = data(site.admin("DELETE", f"/v1/__keys__/{key}"))

    assert first["revoked_at"]
    assert again["revoked_at"] == first["revoked_at"]
    assert refusal(site.admin("POST", f"/v1/__keys__/{key}/rotation", {})) == (400, 107)


def test_a_deleted_project_takes_its_keys_along(site: Site) -> None:
    """A bucket of that id that somebody makes later is none of theirs."""
    project = site.new_project()
    path = f"/v1/__projects__/{project['id']}"

    assert site.admin("DELETE", path).status_code == 200
    assert refusal(site.admin("GET", path)) == (404, 110)
    assert refusal(site.admin("DELETE", path)) == (404, 110)
    assert data(site.admin("GET", f"/v1/__keys__/{project['key']['id']}"))["revoked_at"]


def test_a_project_whose_bucket_was_deleted_can_be_ended(site: Site) -> None:
    """Its key may delete the bucket; what is left has its id alone, and goes with its keys."""
    project = site.new_project()
    path = f"/v1/__projects__/{project['id']}"
    site.delete_bucket(project["id"])
    left = {"id": project["id"], "name": None, "last_modified": None}

    assert left in data(site.admin("GET", "/v1/__projects__"))
    assert data(site.admin("GET", path)) == left
    assert data(site.admin("DELETE", path)) == left

    assert refusal(site.admin("GET", path)) == (404, 110)
    assert left not in data(site.admin("GET", "/v1/__projects__"))
    assert data(site.admin("GET", f"/v1/__keys__/{project['key']['id']}"))["revoked_at"]


def test_an_organization_whose_bucket_was_deleted_can_be_ended(site: Site) -> None:
    """Nobody gets a role in what is not there, and nothing is made in it."""
    user = data(site.admin("POST", "/v1/__users__", {"name": "Nobody"}))["id"]
    id_ = data(site.admin("POST", "/v1/__organizations__", {"name": "Brief"}))["id"]
    path = f"/v1/__organizations__/{id_}"
    site.delete_bucket(id_)

    role = site.admin("PUT", f"{path}/members/{user}", {"role": "owner"})
    orbit = site.admin("POST", f"{path}/orbits", {"name": "Briefer"})
    assert refusal(role) == refusal(orbit) == (404, 110)
    assert data(site.admin("GET", path)) == {"id": id_, "name": None, "members": []}
    assert site.admin("DELETE", path).status_code == 200
    assert refusal(site.admin("GET", path)) == (404, 110)


def test_who_makes_a_bucket_under_a_projects_id_gets_nothing_of_it(site: Site) -> None:
    """The project is as gone as before, and its end leaves that bucket alone."""
    project = site.new_project()
    id_, key = project["id"], {"X-API-Key": project["key"]["key"]}
    assert requests.get(f"{site.origin}/collections", headers=key, timeout=15).status_code == 200
    site.delete_bucket(id_)
    gone = requests.get(f"{site.origin}/collections", headers=key, timeout=15)
    body = {"data": {"kind": "project"}, "permissions": {"write": [f"project:{id_}"]}}
    assert site.nadia("PUT", f"/v1/buckets/{id_}", body).status_code == 201

    read = requests.get(f"{site.origin}/collections", headers=key, timeout=15)
    written = requests.post(
        f"{site.origin}/collections", headers=key, json={"name": "orders"}, timeout=15
    )
    assert gone.status_code == read.status_code == written.status_code == 401
    path = f"/v1/__projects__/{id_}"
    assert data(site.admin("GET", path))["name"] is None
    assert site.admin("DELETE", path).status_code == 200
    assert refusal(site.admin("GET", path)) == (404, 110)
    assert site.nadia("GET", f"/v1/buckets/{id_}").status_code == 200


def test_who_makes_a_bucket_under_an_organizations_id_gets_nothing_of_it(site: Site) -> None:
    made = data(site.admin("POST", "/v1/__users__", {"name": "Nadia"}))
    key = {"Authorization": f"Bearer {made['key']['key']}"}
    asked = {"name": "Atlas", "owner": made["id"]}
    id_ = data(site.admin("POST", "/v1/__organizations__", asked))["id"]

    def organizations() -> list[str]:
        url = f"{site.origin}/users/me/organizations"
        return [each["id"] for each in requests.get(url, headers=key, timeout=15).json()]

    before = organizations()
    site.delete_bucket(id_)
    assert site.nadia("PUT", f"/v1/buckets/{id_}", {}).status_code == 201
    members = {"data": {"members": [f"user:{made['id']}"]}}
    assert site.nadia("PUT", f"/v1/buckets/{id_}/groups/owners", members).status_code == 201

    assert (before, organizations()) == ([id_], [])
    path = f"/v1/__organizations__/{id_}"
    role = site.admin("PUT", f"{path}/members/{made['id']}", {"role": "owner"})
    assert refusal(role) == (404, 110)
    assert data(site.admin("GET", path)) == {"id": id_, "name": None, "members": []}
    assert site.admin("DELETE", path).status_code == 200
    assert site.nadia("GET", f"/v1/buckets/{id_}").status_code == 200


def test_a_role_whose_group_was_deleted_can_be_given(site: Site) -> None:
    """The group is made again."""
    user = data(site.admin("POST", "/v1/__users__", {"name": "Nadia"}))["id"]
    id_ = data(site.admin("POST", "/v1/__organizations__", {"name": "Atlas"}))["id"]
    path = f"/v1/__organizations__/{id_}"
    gone = site.janitor("DELETE", f"/v1/buckets/{id_}/groups/admins")
    assert gone.status_code == 200

    assert site.admin("PUT", f"{path}/members/{user}", {"role": "admin"}).status_code == 200

    assert data(site.admin("GET", path))["members"] == [{"user_id": user, "role": "admin"}]


def test_many_roles_that_are_given_at_once_are_all_given(site: Site) -> None:
    """They are members of the same group; one that `/v1` put there has no role here."""
    users = [data(site.admin("POST", "/v1/__users__", {"name": "Mila"}))["id"] for _ in range(16)]
    id_ = data(site.admin("POST", "/v1/__organizations__", {"name": "Many"}))["id"]
    path, role = f"/v1/__organizations__/{id_}", {"role": "member"}
    other = {"data": {"members": ["account:nadia"]}}
    assert site.janitor("PUT", f"/v1/buckets/{id_}/groups/members", other).status_code == 200

    def give(user: str) -> int:
        return site.admin("PUT", f"{path}/members/{user}", role).status_code

    with ThreadPoolExecutor(len(users)) as pool:
        assert list(pool.map(give, users)) == [200] * len(users)

    members = data(site.admin("GET", path))["members"]
    assert sorted(each["user_id"] for each in members) == sorted(users)


async def test_what_a_crash_left_unfinished_is_finished(site: Site) -> None:
    """Its bucket is there and nothing else: who asks for the same again gets it, with a key."""
    name = new_name()
    async with site.keys() as keys:
        begun = await keys.store.begin_tenant(str(uuid4()), wanted(name))
    owner = f"project:{begun}"
    body = {"data": {"kind": "project", "name": name}, "permissions": {"write": [owner]}}
    assert site.admin("PUT", f"/v1/buckets/{begun}", body).status_code == 201

    first, second = site.new_project(name), site.new_project(name)

    assert (first["id"], first["key"]["principal"]) == (begun, owner)
    assert second["id"] != begun


async def test_what_a_crash_left_without_a_bucket_is_finished(site: Site) -> None:
    """The crash came before the bucket did."""
    name, other = new_name(), new_name()
    async with site.keys() as keys:
        begun = await keys.store.begin_tenant(str(uuid4()), wanted(name))

    unlike, like = site.new_project(other), site.new_project(name)

    assert unlike["id"] != begun
    assert like["id"] == begun
    assert data(site.admin("GET", f"/v1/__projects__/{begun}"))["name"] == name


async def test_of_two_that_ask_for_the_same_one_finishes_what_was_begun(site: Site) -> None:
    """The other begins anew: nobody gets a project that is somebody else's."""
    asked = wanted(new_name())
    async with site.keys() as keys:
        first = await keys.store.begin_tenant(str(uuid4()), asked)
        second = await keys.store.begin_tenant(str(uuid4()), asked)

        life = Uid(str(uuid4()))
        made = [await keys.store.finish_tenant(id_, life, asked) for id_ in (first, second)]

        assert first == second
        assert made[0] is not None
        assert made[1] is None
        assert await keys.store.begin_tenant(str(uuid4()), asked) != first


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": " "}, {"name": 1}, {"name": "a", "more": 1}, [], "text"],
    ids=str,
)
def test_what_is_no_project_is_a_400(site: Site, body: Any) -> None:
    """With what is wrong in the details, as everywhere in `/v1`."""
    answer = site.admin("POST", "/v1/__projects__", body)

    assert refusal(answer) == (400, 107)
    assert "NewNamed" not in answer.text


@pytest.mark.parametrize("key", ["nonsense", "0199c455-21ee-74c6-b747-19a82f1a1e75"])
def test_an_unknown_key_is_a_404(site: Site, key: str) -> None:
    """Whether it could be one or not."""
    for method in ("GET", "DELETE"):
        assert refusal(site.admin(method, f"/v1/__keys__/{key}")) == (404, 110)
    assert refusal(site.admin("POST", f"/v1/__keys__/{key}/rotation", {})) == (404, 110)


def test_the_operator_needs_no_account(site: Site) -> None:
    """Whoever has the secret key of the data folder can make the first project."""
    code, said, _ = site.run("create", "Orders", "--output", "json")
    assert code == 0
    project = json.loads(said)

    assert site.run("list")[1].count(project["id"]) == 1
    keys = site.run("keys", project["id"])[1]
    assert project["key"]["prefix"] in keys
    code, said, _ = site.run("rotate", project["key"]["id"], "-o", "json")
    assert (code, json.loads(said)["principal"]) == (0, project["key"]["principal"])
    code, said, _ = site.run("revoke", project["key"]["id"], "-o", "json")
    assert (code, bool(json.loads(said)["revoked_at"])) == (0, True)


def test_another_secret_key_opens_nothing(site: Site) -> None:
    """The command says what to do about it."""
    code, _, said = site.run("create", "Orders", secret_key="another one")

    assert code == 2
    assert "its secret key is another one" in said


def test_a_signature_is_good_for_what_was_signed_alone(site: Site) -> None:
    """A made-up one opens nothing either."""
    forged = {"Muniment-Signature": f"1.{'0' * 64}"}

    answer = site.anonymous("POST", "/v1/__projects__", {"name": "x"}, forged)

    assert refusal(answer) == (401, 104)


def test_administration_is_described(site: Site) -> None:
    """Whoever generates a client finds it in `__api__`."""
    paths = site.anonymous("GET", "/v1/__api__").json()["paths"]

    assert {"/__projects__", "/__projects__/{project_id}/keys", "/__keys__/{key_id}"} <= set(paths)
