"""Passwords of accounts over HTTP: hashed, changed, never shown (contract section 18)."""

from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher

from tests.clients.requester import Requester, data, ids
from tests.integration.accounts.site import PASSWORD, Login, Site, hash_of, user_id
from tests.support.stack import new_name


def test_no_answer_shows_a_password_or_its_hash(
    anonymous: Requester, login: Login, admin: Requester
) -> None:
    """ACC-5, D-26: not to the owner, not to administrators, not in lists, errors or batches."""
    name = new_name()
    path = f"/v1/accounts/{name}"
    owner = login(name)
    body = {"data": {"password": PASSWORD, "colour": "red"}}

    answers = [
        anonymous("PUT", path, body),
        owner("GET", path),
        owner("GET", "/v1/accounts"),
        owner("GET", "/v1/accounts?_fields=password,password_hash"),
        admin("GET", f"/v1/accounts?id={name}"),
        owner("PATCH", path, {"data": {"colour": "blue"}}),
        owner("PATCH", path, body, {"Response-Behavior": "light"}),
        owner("PATCH", path, body, {"Response-Behavior": "diff"}),
        owner("PUT", path, body, {"If-Match": '"1"'}),
        owner("POST", "/v1/accounts", {"data": {"id": name, "password": PASSWORD}}),
        owner("POST", "/v1/batch", {"requests": [{"path": path}]}),
        owner("DELETE", path),
    ]

    assert not [each.text for each in answers if "password" in each.text or PASSWORD in each.text]
    assert not [each.text for each in answers if "argon2" in each.text]


def test_a_password_cannot_be_searched_for(admin: Requester, name: str) -> None:
    """A filter on what is not shown would show it letter by letter."""
    for field in ("password", "password_hash"):
        assert ids(admin("GET", f"/v1/accounts?id={name}&has_{field}=true")) == []


def test_hashes_are_argon2_and_never_in_the_events_topic(site: Site, name: str) -> None:
    """ACC-4; the topic is read by consumers whom a hash is none of the business of."""
    [row] = site.query("SELECT data FROM accounts.account WHERE id = $1", name)

    assert hash_of(site, name).startswith("$argon2id$")
    assert "password" not in row["data"]
    entries = site.query("SELECT count(*) FROM read_model.history WHERE data::text LIKE '%argon2%'")
    assert entries[0]["count"] == 0


def test_a_bcrypt_hash_from_elsewhere_lets_its_user_in(site: Site, name: str, login: Login) -> None:
    """ACC-4: accounts come from servers that keep bcrypt hashes."""
    other = bcrypt.hashpw(b"from elsewhere", bcrypt.gensalt(4)).decode()
    site.query("UPDATE accounts.account SET password_hash = $2 WHERE id = $1", name, other)

    assert user_id(login(name, "from elsewhere")) == f"account:{name}"
    assert user_id(login(name)) is None


def test_a_hash_from_elsewhere_is_made_anew_at_a_login(site: Site, name: str, login: Login) -> None:
    """ACC-4: with today's parameters, and the account stays as it was."""
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    elsewhere = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    before = data(login(name)("GET", f"/v1/accounts/{name}"))

    for other in (weak, elsewhere):
        site.query("UPDATE accounts.account SET password_hash = $2 WHERE id = $1", name, other)
        assert user_id(login(name, "wrong")) is None
        assert hash_of(site, name) == other
        assert user_id(login(name)) == f"account:{name}"
        assert not PasswordHasher().check_needs_rehash(hash_of(site, name))

    assert data(login(name)("GET", f"/v1/accounts/{name}")) == before


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", {"data": {"password": "new"}}),
        ("application/merge-patch+json", {"data": {"password": "new"}}),
        (
            "application/json-patch+json",
            [{"op": "replace", "path": "/data/password", "value": "new"}],
        ),
        ("application/json-patch+json", [{"op": "add", "path": "/data/password", "value": "new"}]),
    ],
    ids=["fields", "merge", "json-patch-replace", "json-patch-add"],
)
def test_every_kind_of_patch_hashes_a_new_password(
    site: Site, name: str, login: Login, content_type: str, body: Any
) -> None:
    """ACC-4, D-25: and the old one is of no use from that moment on."""
    owner, renewed = login(name), login(name, "new")
    assert user_id(owner) == f"account:{name}"

    changed = owner("PATCH", f"/v1/accounts/{name}", body, {"Content-Type": content_type})

    assert changed.status_code == 200, changed.text
    assert user_id(owner) is None
    assert user_id(renewed) == f"account:{name}"
    [row] = site.query("SELECT password_hash FROM accounts.account WHERE id = $1", name)
    assert row["password_hash"].startswith("$argon2id$")


def test_a_patch_without_a_password_leaves_it(name: str, login: Login) -> None:
    """ACC-4: PATCH merges."""
    owner, path = login(name), f"/v1/accounts/{name}"

    plain = owner("PATCH", path, {"data": {"colour": "red"}})
    operations = [{"op": "add", "path": "/data/size", "value": 1}]
    patched = owner("PATCH", path, operations, {"Content-Type": "application/json-patch+json"})

    assert data(plain)["colour"] == "red"
    assert data(patched).items() >= {"colour": "red", "size": 1}.items()
    assert user_id(owner) == f"account:{name}"


def test_an_account_never_loses_its_password(name: str, login: Login) -> None:
    """It is required (ERR-19), also of what a patch leaves."""
    owner, path = login(name), f"/v1/accounts/{name}"

    put = owner("PUT", path, {"data": {"colour": "red"}})
    merged = owner(
        "PATCH",
        path,
        {"data": {"password": None}},
        {"Content-Type": "application/merge-patch+json"},
    )
    removed = owner(
        "PATCH",
        path,
        [{"op": "remove", "path": "/data/password"}],
        {"Content-Type": "application/json-patch+json"},
    )

    assert put.json()["details"] == [
        {"location": "body", "name": "data.password", "description": "Required"}
    ]
    assert merged.json()["details"][0]["name"] == "password"
    assert removed.json()["details"][0]["name"] == "password"
    assert user_id(owner) == f"account:{name}"
