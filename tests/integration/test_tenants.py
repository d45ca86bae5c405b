"""`muniment users`, `organizations`, `orbits` and `seed-demo`, against a server that runs."""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.server import (
    MunimentServer,
    new_server,
    run_in_here,
    running_server,
    wait_until,
)
from tests.support.stack import Stack, new_database, new_name


class Operator:
    """Who has the secret key of the data folder."""

    def __init__(self, server: MunimentServer) -> None:
        self.origin = server.origin
        self._settings = {"data_dir": str(server.data_dir), "http_port": str(server.port)}

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        return run_in_here(arguments, self._settings)

    def told(self, *arguments: str) -> Any:
        """What it prints as JSON."""
        code, said, wrong = self.run(*arguments, "--output", "json")
        assert code == 0, wrong
        return json.loads(said)

    def get(self, key: str, path: str) -> Any:
        """What a client with the key is told."""
        answer = requests.get(
            f"{self.origin}{path}", headers={"Authorization": f"Bearer {key}"}, timeout=15
        )
        assert answer.ok, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def operator(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Operator]:
    """Of a server where whoever has a name may have users forgotten."""
    settings = {"user_data_delete_principals": "system.Authenticated"}
    with new_server(stack, tmp_path_factory.mktemp("tenants"), settings) as server:
        yield Operator(server)


def keys_of(said: str) -> Mapping[str, str]:
    """The variables that were printed."""
    return dict(line.split("=", 1) for line in said.splitlines() if "_API_KEY=" in line)


def test_the_demo_is_made_once(operator: Operator) -> None:
    """Contract, section 11: keys of an owner, a member and an outsider, each told once."""
    code, first, _ = operator.run("seed-demo")
    assert code == 0
    keys = keys_of(first)
    code, second, _ = operator.run("seed-demo")

    assert (code, keys_of(second)) == (0, {})
    assert "is there already" in second
    [organization] = operator.get(keys["LUML_API_KEY"], "/users/me/organizations")
    assert organization["name"] == "My Personal Organization"
    orbits = f"/organizations/{organization['id']}/orbits"
    names = [
        [each["name"] for each in operator.get(keys[variable], orbits)]
        for variable in ("LUML_API_KEY", "LUML_MEMBER_API_KEY")
    ]
    assert names == [["Default Orbit", "Second Orbit"], ["Default Orbit"]]
    assert operator.get(keys["LUML_OUTSIDER_API_KEY"], "/users/me/organizations") == []
    assert {"COCOBASE_API_KEY", "COCOBASE_OTHER_API_KEY"} <= set(keys)
    assert len(operator.told("projects", "list")) == 2
    assert len(operator.told("users", "list")) == 3


@pytest.mark.long
def test_the_demo_is_made_at_the_start(stack: Stack, data_dir: Path) -> None:
    """`make run DEMO=1`: the keys are printed once all serves."""
    with new_database(stack) as postgres_url:
        servers = Stack(stack.kafka_url, postgres_url)
        settings = {"topic_prefix": new_name()}
        with running_server(
            data_dir, stack=servers, settings=settings, flags=["--seed-demo"]
        ) as server:
            wait_until(lambda: "LUML_OUTSIDER_API_KEY=" in server.console, what="the keys")
            found = Operator(server).get(
                keys_of(server.console)["LUML_API_KEY"], "/users/me/organizations"
            )

    assert [each["name"] for each in found] == ["My Personal Organization"]


def test_roles_are_given_and_taken(operator: Operator) -> None:
    """One role a user: a new one takes the place of the old."""
    user = operator.told("users", "create", "Nadia")
    organization = operator.told("organizations", "create", "Atlas")["id"]
    orbit = operator.told("orbits", "create", organization, "Maps")["id"]

    for role in ("admin", "member"):
        operator.told("organizations", "role", organization, user["id"], role)
    operator.told("orbits", "role", orbit, user["id"], "admin")

    members = operator.told("organizations", "members", organization)
    assert members == [{"user_id": user["id"], "role": "member"}]
    assert operator.told("orbits", "members", orbit) == [{"user_id": user["id"], "role": "admin"}]
    key = user["key"]["key"]
    assert [each["role"] for each in operator.get(key, "/users/me/organizations")] == ["member"]
    assert [each["id"] for each in operator.told("orbits", "list", organization)] == [orbit]

    operator.told("organizations", "role", organization, user["id"], "none")

    assert operator.told("organizations", "members", organization) == []
    assert operator.get(key, "/users/me/organizations") == []


def test_a_users_keys_are_listed_and_made(operator: Operator) -> None:
    """All of them speak for the same user."""
    user = operator.told("users", "create", "Omar", "--label", "laptop")
    second = operator.told("users", "keys", user["id"], "--new", "--label", "phone")

    listed = operator.told("users", "keys", user["id"])

    assert [each["label"] for each in listed] == ["laptop", "phone"]
    assert operator.get(second["key"], "/users/me/organizations") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("organizations", "role", "nonsense", "nonsense", "owner"),
        ("organizations", "members", "nonsense"),
        ("orbits", "create", "nonsense", "Maps"),
        ("users", "keys", "nonsense"),
        ("users", "keys", "x?y=1"),
        ("projects", "delete", "é/#"),
        ("organizations", "create", "Atlas", "--owner", "nonsense"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_in_a_sentence(
    operator: Operator, arguments: tuple[str, ...]
) -> None:
    """With the status that a program would get."""
    code, _, said = operator.run(*arguments)

    assert code == 2
    assert "refuses (40" in said
    assert "secret key" not in said


def test_a_forgotten_user_leaves_nothing(operator: Operator) -> None:
    """UD-1: neither role, nor name, nor key."""
    user = operator.told("users", "create", "Nobody")
    organization = operator.told("organizations", "create", "Atlas", "--owner", user["id"])["id"]
    principal = f"user:{user['id']}"

    gone = requests.delete(
        f"{operator.origin}/v1/__user_data__/{principal}", auth=("nadia", "password"), timeout=15
    )

    assert gone.status_code == 200, gone.text
    assert operator.told("organizations", "members", organization) == []
    assert user["id"] not in [each["id"] for each in operator.told("users", "list")]
    assert operator.run("users", "keys", user["id"])[0] == 2
    key = {"Authorization": f"Bearer {user['key']['key']}"}
    url = f"{operator.origin}/users/me/organizations"
    assert requests.get(url, headers=key, timeout=15).status_code == 401


def test_what_was_made_is_deleted(operator: Operator) -> None:
    """An organization only when it has no orbits: each is a stream of its own."""
    organization = operator.told("organizations", "create", "Brief")["id"]
    orbit = operator.told("orbits", "create", organization, "Briefer")["id"]

    code, _, said = operator.run("organizations", "delete", organization)
    assert (code, "delete them first" in said) == (2, True)
    operator.told("orbits", "delete", orbit)
    operator.told("organizations", "delete", organization)

    assert organization not in [each["id"] for each in operator.told("organizations", "list")]
    for command in ("organizations", "orbits"):
        assert operator.run(command, "delete", organization)[0] == 2
        assert operator.run(command, "members", orbit)[0] == 2
    project = operator.told("projects", "create", "Brief")["id"]
    operator.told("projects", "delete", project)
    assert project not in [each["id"] for each in operator.told("projects", "list")]
