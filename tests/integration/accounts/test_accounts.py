"""Accounts over HTTP: signing up, whose they are, and their end (contract section 18)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kinto_http
import pytest
import requests

from tests.clients.requester import Requester, data, quoted, refusal
from tests.integration.accounts.site import PASSWORD, Login, Site, sign_up, user_id
from tests.support.stack import new_name


def test_the_root_view_tells_of_accounts(anonymous: Requester) -> None:
    """Table 3.3, ACC-9: nothing has to be confirmed by mail."""
    capability = anonymous("GET", "/v1/").json()["capabilities"]["accounts"]

    assert capability["validation_enabled"] is False
    assert capability["description"]
    assert capability["url"]


def test_anybody_signs_up_and_owns_the_account(anonymous: Requester, login: Login) -> None:
    """ACC-1, ACC-2, AUTH-2: the account's own user gets `write`, whoever made it."""
    name = new_name()

    made = sign_up(anonymous, name)

    assert made.status_code == 201
    assert made.json()["permissions"] == {"write": [f"account:{name}"]}
    assert made.headers["ETag"] == quoted(data(made)["last_modified"])
    assert user_id(login(name)) == f"account:{name}"
    assert user_id(login(name, "wrong")) is None


def test_an_account_is_made_by_post_under_the_id_in_its_body(
    anonymous: Requester, login: Login
) -> None:
    """ACC-2."""
    name = f"{new_name()}+tag@example.org"

    made = anonymous("POST", "/v1/accounts", {"data": {"id": name, "password": PASSWORD}})
    nameless = anonymous("POST", "/v1/accounts", {"data": {"password": PASSWORD}})

    assert made.status_code == 201
    assert user_id(login(name)) == f"account:{name}"
    assert refusal(nameless) == (400, 107)
    assert nameless.json()["message"] == "data.id in body: Required"


def test_an_account_that_exists_is_nobody_elses_to_take(
    name: str, anonymous: Requester, login: Login
) -> None:
    """ACC-4: 401 for PUT and POST of strangers without a login."""
    body = {"data": {"id": name, "password": "stolen"}}

    assert refusal(anonymous("PUT", f"/v1/accounts/{name}", body)) == (401, 104)
    assert refusal(anonymous("POST", "/v1/accounts", body)) == (401, 104)
    safely = anonymous("PUT", f"/v1/accounts/{name}", body, {"If-None-Match": "*"})
    assert refusal(safely) == (412, 114)
    assert "details" not in safely.json()
    assert user_id(login(name)) == f"account:{name}"


def test_who_is_logged_in_touches_only_the_own_account(
    name: str, anonymous: Requester, login: Login
) -> None:
    """ACC-3."""
    other = new_name()
    sign_up(anonymous, other)
    owner, path = login(name), f"/v1/accounts/{other}"
    body = {"data": {"id": other, "password": "x"}}

    put, post = owner("PUT", path, body), owner("POST", "/v1/accounts", body)

    assert put.json()["details"] == [
        {
            "location": "body",
            "name": "data.id",
            "description": "Username and account ID do not match.",
        }
    ]
    assert post.json()["details"] == put.json()["details"]
    assert refusal(owner("GET", path)) == (403, 121)
    assert refusal(owner("PATCH", path, {"data": {}})) == (403, 121)
    assert refusal(owner("DELETE", path)) == (403, 121)


def test_an_administrator_touches_all_accounts(name: str, admin: Requester, login: Login) -> None:
    """ACC-1, ACC-3, ACC-7."""
    path = f"/v1/accounts/{name}"

    replaced = admin("PUT", path, {"data": {"password": "given"}})
    renewed = login(name, "given")

    assert replaced.status_code == 200
    assert replaced.json()["permissions"] == {"write": [f"account:{name}"]}
    assert user_id(renewed) == f"account:{name}"
    assert data(admin("DELETE", path))["deleted"] is True
    assert user_id(renewed) is None


@pytest.mark.parametrize("name_given", ["b!d", "_x", "ü"])
def test_usernames_have_their_own_pattern(anonymous: Requester, name_given: str) -> None:
    """Section 1.1, ID-3."""
    answer = sign_up(anonymous, name_given)

    assert answer.json()["details"] == [
        {"location": "path", "name": None, "description": "Invalid object id"}
    ]


def test_of_many_who_sign_up_by_one_name_one_succeeds(login: Login) -> None:
    """POST-8; the others are told that it is taken."""
    name = new_name()

    def make(number: int) -> int:
        return sign_up(login(None), name, f"password-{number}").status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(make, range(8)))

    assert sorted(statuses) == [201, *[401] * 7]


def test_a_user_that_is_forgotten_has_no_account(
    name: str, admin: Requester, anonymous: Requester, login: Login
) -> None:
    """UD-1: what they alone may write is deleted, their account too; all else loses their name."""
    other, mine = new_name(), f"account:{name}"
    sign_up(anonymous, other)
    given = {"permissions": {"read": [mine], "write": [mine]}}
    assert login(other)("PATCH", f"/v1/accounts/{other}", given).status_code == 200
    assert login(name)("PUT", f"/v1/buckets/{name}").status_code == 201

    answer = admin("DELETE", f"/v1/__user_data__/{mine}")

    assert (answer.status_code, answer.json()) == (200, {"data": {"principal": mine}})
    assert user_id(login(name)) is None
    assert refusal(admin("GET", f"/v1/accounts/{name}")) == (404, 110)
    left = login(other)("GET", f"/v1/accounts/{other}").json()["permissions"]
    assert left == {"write": [f"account:{other}"]}
    assert sign_up(anonymous, name).status_code == 201
    assert login(name)("GET", f"/v1/buckets/{name}").status_code == 403
    assert admin("DELETE", "/v1/__user_data__/account:nobody-at-all").status_code == 200


def test_only_an_operator_has_accounts_forgotten(name: str, login: Login) -> None:
    """UD-1: not even the account's own user."""
    assert login(name)("DELETE", f"/v1/__user_data__/account:{name}").status_code == 403

    assert user_id(login(name)) == f"account:{name}"


def test_utilities_answer_whoever_asks(site: Site) -> None:
    """HB-2: credentials are not looked up where nobody is asked who they are."""
    answer = requests.get(f"{site.origin}/v1/__lbheartbeat__", auth=("nobody", "x"), timeout=10)

    assert answer.json() == {}


def test_the_stock_client_signs_up_and_works(site: Site, name: str) -> None:
    """`kinto-http` as its users use it."""
    client: Any = kinto_http.Client(server_url=site.server.url, auth=(name, PASSWORD))

    bucket = new_name()
    client.create_bucket(id=bucket)
    client.create_collection(id="stations", bucket=bucket)
    made = client.create_record(data={"id": "a", "n": 1}, bucket=bucket, collection="stations")

    assert made["permissions"]["write"] == [f"account:{name}"]
    assert client.server_info()["user"]["id"] == f"account:{name}"


def test_a_flush_removes_accounts(site: Site, name: str, login: Login) -> None:
    """FL-1. Runs last: the others' accounts go as well."""
    assert login(None)("POST", "/v1/__flush__").status_code == 202

    assert user_id(login(name)) is None
    assert site.query("SELECT count(*) FROM accounts.account")[0]["count"] == 0
