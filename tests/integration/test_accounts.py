"""Accounts over HTTP: signing up, logging in, changing and ending (contract section 18)."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import asyncpg
import bcrypt
import kinto_http
import pytest
import requests
from argon2 import PasswordHasher

from tests.clients.requester import Requester, data, ids, quoted, refusal, revision
from tests.support.server import MunimentServer, running_server
from tests.support.stack import Stack, new_database, new_name

ADMIN: Final = "admin"
PASSWORD: Final = "s3cr3t"

Login = Callable[..., Requester]


class Site:
    """The running server and its database."""

    def __init__(self, server: MunimentServer, postgres_url: str) -> None:
        self.server = server
        self.postgres_url = postgres_url
        self.origin = server.url.removesuffix("/v1")

    def query(self, statement: str, *values: Any) -> Any:
        async def run() -> Any:
            connection = await asyncpg.connect(self.postgres_url)
            try:
                return await connection.fetch(statement, *values)
            finally:
                await connection.close()

        return asyncio.run(run())


@pytest.fixture(scope="module")
def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    data_dir = tmp_path_factory.mktemp("accounts") / "data"
    with (
        new_database(stack) as postgres_url,
        running_server(
            data_dir,
            stack=Stack(stack.kafka_url, postgres_url),
            settings={
                "topic_prefix": new_name(),
                "auth_policies": "account",
                "account_create_principals": "system.Everyone",
                "account_write_principals": f"account:{ADMIN}",
                "account_read_principals": f"account:{ADMIN}",
                "user_data_delete_principals": f"account:{ADMIN}",
            },
        ) as server,
    ):
        yield Site(server, postgres_url)


@pytest.fixture
def login(site: Site) -> Generator[Login]:
    made: list[Requester] = []

    def login(name: str | None, password: str = PASSWORD) -> Requester:
        made.append(Requester(site.origin, name, password))
        return made[-1]

    yield login
    for requester in made:
        requester.close()


@pytest.fixture
def anonymous(login: Login) -> Requester:
    return login(None)


@pytest.fixture
def name(anonymous: Requester) -> str:
    """Somebody who has signed up."""
    name = new_name()
    assert sign_up(anonymous, name).status_code == 201
    return name


@pytest.fixture
def admin(login: Login, anonymous: Requester) -> Requester:
    sign_up(anonymous, ADMIN)
    return login(ADMIN)


def sign_up(requester: Requester, name: str, password: str = PASSWORD) -> requests.Response:
    return requester("PUT", f"/v1/accounts/{name}", {"data": {"password": password}})


def hash_of(site: Site, name: str) -> str:
    [row] = site.query("SELECT password_hash FROM accounts.account WHERE id = $1", name)
    return str(row["password_hash"])


def user_id(requester: Requester) -> str | None:
    user = requester("GET", "/v1/").json().get("user")
    return None if user is None else str(user["id"])


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


def test_lists_show_the_own_account_or_to_administrators_all(
    name: str, anonymous: Requester, admin: Requester, login: Login
) -> None:
    """ACC-6, D-6."""
    assert refusal(anonymous("GET", "/v1/accounts")) == (401, 104)
    assert ids(login(name)("GET", "/v1/accounts")) == [name]
    assert {name, ADMIN} <= set(ids(admin("GET", "/v1/accounts")))
    assert login(name)("HEAD", "/v1/accounts").headers["Total-Records"] == "1"


def test_pages_of_the_list_hold_each_account_once(
    site: Site, name: str, anonymous: Requester, admin: Requester
) -> None:
    """QP-2."""
    sign_up(anonymous, new_name())
    found: list[str] = []
    url: str | None = "/v1/accounts?_limit=1&_sort=id"
    while url is not None:
        page = admin("GET", url)
        found += ids(page)
        url = page.headers.get("Next-Page")

    assert found == sorted(ids(admin("GET", "/v1/accounts")))


def test_a_deleted_account_is_a_tombstone_and_logs_nobody_in(name: str, login: Login) -> None:
    """ACC-7, DEL-1."""
    owner = login(name)

    gone = owner("DELETE", f"/v1/accounts/{name}")

    assert data(gone).items() >= {"id": name, "deleted": True}.items()
    assert user_id(owner) is None
    assert refusal(owner("GET", f"/v1/accounts/{name}")) == (401, 104)


def test_bulk_delete_takes_the_own_account_alone(
    name: str, anonymous: Requester, login: Login
) -> None:
    """ACC-7."""
    other = new_name()
    sign_up(anonymous, other)

    gone = login(name)("DELETE", "/v1/accounts")

    assert ids(gone) == [name]
    assert user_id(login(other)) == f"account:{other}"
    assert refusal(anonymous("DELETE", "/v1/accounts")) == (401, 104)


def test_an_account_is_a_timeline_of_its_own(name: str, anonymous: Requester, login: Login) -> None:
    """ACC-8: what others do does not move it, and it goes on when it is made again."""
    owner, path = login(name), f"/v1/accounts/{name}"
    before = revision(owner("GET", "/v1/accounts"))

    sign_up(anonymous, new_name())
    assert revision(owner("GET", "/v1/accounts")) == before
    tombstone = data(owner("DELETE", path))
    again = data(sign_up(anonymous, name))

    assert before < tombstone["last_modified"] < again["last_modified"]


def test_a_past_timestamp_leaves_the_list_where_it_is(name: str, login: Login) -> None:
    """TS-5, C-6."""
    owner = login(name)
    gone = data(owner("DELETE", f"/v1/accounts/{name}"))

    made = login(None)(
        "PUT", f"/v1/accounts/{name}", {"data": {"password": PASSWORD, "last_modified": 1000}}
    )

    assert data(made)["last_modified"] == 1000
    assert revision(owner("GET", "/v1/accounts")) == gone["last_modified"]


def test_preconditions_hold(name: str, login: Login) -> None:
    """Rows G, L, U and P1 of the truth table."""
    owner, path = login(name), f"/v1/accounts/{name}"
    at = quoted(data(owner("GET", path))["last_modified"])

    assert owner("GET", path, headers={"If-None-Match": at}).status_code == 304
    assert owner("GET", "/v1/accounts", headers={"If-None-Match": at}).status_code == 304
    stale = owner("PATCH", path, {"data": {"a": 1}}, {"If-Match": '"1"'})
    assert refusal(stale) == (412, 114)
    assert stale.json()["details"]["existing"]["id"] == name
    assert owner("PATCH", path, {"data": {"a": 1}}, {"If-Match": at}).status_code == 200


@pytest.mark.parametrize("name_given", ["b!d", "_x", "ü"])
def test_usernames_have_their_own_pattern(anonymous: Requester, name_given: str) -> None:
    """Section 1.1, ID-3."""
    answer = sign_up(anonymous, name_given)

    assert answer.json()["details"] == [
        {"location": "path", "name": None, "description": "Invalid object id"}
    ]


def test_of_two_changes_with_one_tag_one_succeeds(name: str, login: Login) -> None:
    """PRE-5: what is compared and what is written is one step."""
    owner, path = login(name), f"/v1/accounts/{name}"
    at = quoted(data(owner("GET", path))["last_modified"])

    def change(number: int) -> int:
        return login(name)(
            "PATCH", path, {"data": {"number": number}}, {"If-Match": at}
        ).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(change, range(8)))

    assert sorted(statuses) == [200, *[412] * 7]


def test_of_many_who_sign_up_by_one_name_one_succeeds(login: Login) -> None:
    """POST-8; the others are told that it is taken."""
    name = new_name()

    def make(number: int) -> int:
        return sign_up(login(None), name, f"password-{number}").status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(make, range(8)))

    assert sorted(statuses) == [201, *[401] * 7]


def test_accounts_work_in_batches(login: Login) -> None:
    """BAT-10, BAT-12: an item may log in with what the one before it made."""
    name = new_name()
    authorization = f"Basic {b64encode(f'{name}:{PASSWORD}'.encode()).decode()}"

    answer = login(None)(
        "POST",
        "/v1/batch",
        {
            "requests": [
                {
                    "method": "PUT",
                    "path": f"/accounts/{name}",
                    "body": {"data": {"password": PASSWORD}},
                },
                {"path": f"/accounts/{name}", "headers": {"Authorization": authorization}},
                {"path": f"/accounts/{name}"},
            ]
        },
    )

    assert [each["status"] for each in answer.json()["responses"]] == [201, 200, 401]


def test_permissions_list_accounts_that_name_the_requester(
    name: str, anonymous: Requester, login: Login
) -> None:
    """PRM-1 to PRM-3: the own account, and others by their own ACEs; PRM-4: who may sign up."""
    other = new_name()
    sign_up(anonymous, other)
    given = {"permissions": {"read": [f"account:{name}"]}}
    assert login(other)("PATCH", f"/v1/accounts/{other}", given).status_code == 200

    entries = data(login(name)("GET", "/v1/permissions?_sort=resource_name,uri"))

    told = {entry["uri"]: {**entry, "permissions": set(entry["permissions"])} for entry in entries}
    assert told == {
        f"/accounts/{name}": {
            "uri": f"/accounts/{name}",
            "resource_name": "account",
            "id": name,
            "permissions": {"read", "write"},
        },
        f"/accounts/{other}": {
            "uri": f"/accounts/{other}",
            "resource_name": "account",
            "id": other,
            "permissions": {"read"},
        },
        "/": {
            "uri": "/",
            "resource_name": "root",
            "permissions": {"account:create", "bucket:create"},
        },
    }
    filtered = data(login(name)("GET", f"/v1/permissions?resource_name=account&id={other}"))
    assert [entry["uri"] for entry in filtered] == [f"/accounts/{other}"]
    [for_anybody] = data(anonymous("GET", "/v1/permissions"))
    assert (for_anybody["uri"], for_anybody["permissions"]) == ("/", ["account:create"])


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
