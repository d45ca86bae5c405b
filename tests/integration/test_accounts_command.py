"""`muniment accounts`: what an operator does where nobody may sign up."""

import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from tests.clients.requester import Requester, data, refusal
from tests.support.server import MUNIMENT, MunimentServer, environment, running_server
from tests.support.stack import Stack, new_database, new_name

ADMIN: Final = "admin"
SETTINGS: Final = {
    "auth_policies": "account",
    "account_write_principals": f"account:{ADMIN}",
    "account_create_principals": f"account:{ADMIN}",
}


class Site:
    """A server where nobody may sign up, and the command beside it."""

    def __init__(self, server: MunimentServer, postgres_url: str) -> None:
        self.postgres_url = postgres_url
        self.origin = server.origin

    def run(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        done = subprocess.run(
            [*MUNIMENT, "accounts", *arguments],
            env=environment({**SETTINGS, "postgres_url": self.postgres_url}),
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def status(self, name: str, password: str) -> int:
        """Of the account's own page, asked for by its user."""
        requester = Requester(self.origin, name, password)
        try:
            return requester("GET", f"/v1/accounts/{name}").status_code
        finally:
            requester.close()


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    data_dir = tmp_path_factory.mktemp("command") / "data"
    with (
        new_database(stack) as postgres_url,
        running_server(
            data_dir,
            stack=Stack(stack.kafka_url, postgres_url),
            settings={"topic_prefix": new_name(), **SETTINGS},
        ) as server,
    ):
        yield Site(server, postgres_url)


def test_the_first_administrator_is_made_at_the_keyboard(site: Site) -> None:
    """ACC-1: who may then sign others up, which nobody else may."""
    name, anonymous = new_name(), Requester(site.origin, None)
    body = {"data": {"password": "x"}}
    assert refusal(anonymous("PUT", f"/v1/accounts/{name}", body)) == (401, 104)

    code, said, _ = site.run("create", ADMIN, typed="s3cr3t\n")

    assert (code, said) == (0, f"account:{ADMIN} can log in from now on.\n")
    admin = Requester(site.origin, ADMIN, "s3cr3t")
    assert admin("PUT", f"/v1/accounts/{name}", body).status_code == 201
    assert data(admin("GET", "/v1/accounts"))
    assert admin("GET", f"/v1/accounts/{ADMIN}").json()["permissions"] == {
        "write": [f"account:{ADMIN}"]
    }


def test_an_account_that_exists_is_not_made_again(site: Site) -> None:
    """Its password stays: `set-password` is for that, and the old one stops at once (ACC-4)."""
    name = new_name()
    assert site.run("create", name, typed="first\n")[0] == 0

    code, _, why = site.run("create", name, typed="second\n")

    assert (code, "set-password" in why) == (2, True)
    assert (site.status(name, "first"), site.status(name, "second")) == (200, 401)
    assert site.run("set-password", name, typed="second\n")[0] == 0
    assert (site.status(name, "first"), site.status(name, "second")) == (401, 200)


@pytest.mark.parametrize(
    ("arguments", "typed", "word"),
    [
        (("set-password", "nobody"), "x\n", "nobody"),
        (("create", "b!d"), "x\n", "b!d"),
        (("create", "somebody"), "\n", "password"),
        (("create", "somebody", "s3cr3t"), "", "unexpected"),
    ],
    ids=["unknown", "no name", "no password", "a password as an argument"],
)
def test_what_cannot_be_is_one_sentence(
    site: Site, arguments: tuple[str, ...], typed: str, word: str
) -> None:
    code, _, why = site.run(*arguments, typed=typed)

    assert code == 2
    assert word in why
    assert "Traceback" not in why


def test_the_list_tells_who_administers(site: Site) -> None:
    names = sorted(new_name() for _ in range(3))
    for name in names:
        assert site.run("create", name, typed="x\n")[0] == 0

    code, said, _ = site.run("list", "--output", "json")

    assert code == 0
    rows = {row["username"]: row["is_administrator"] for row in json.loads(said)}
    assert {name: rows[name] for name in names} == dict.fromkeys(names, False)
    assert list(rows) == sorted(rows)
    assert rows.get(ADMIN, True)
    assert names[0] in site.run("list")[1]


def test_without_a_postgres_it_says_what_to_start(site: Site, tmp_path: Path) -> None:
    """Neither one of the settings nor an embedded one that runs."""
    for given in (("--data-dir", str(tmp_path)), ("--postgres", "postgresql://u:pw@127.0.0.1:1/x")):
        done = subprocess.run(
            [*MUNIMENT, "accounts", "list", *given],
            env=environment({}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert done.returncode == 3
        assert "muniment up" in done.stderr
        assert "pw" not in done.stderr
