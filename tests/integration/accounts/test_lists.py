"""Accounts over HTTP as objects in a list (contract section 18)."""

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

from tests.clients.requester import Requester, data, ids, quoted, refusal, revision
from tests.integration.accounts.site import ADMIN, PASSWORD, Login, Site, sign_up, user_id
from tests.support.stack import new_name


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
