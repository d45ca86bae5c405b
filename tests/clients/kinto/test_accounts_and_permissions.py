"""Sections 18 and 19: accounts, and what one has permissions on."""

from collections.abc import Callable, Generator
from typing import Any, Final

import pytest

from tests.clients.requester import (
    EVERYONE,
    JSON_PATCH,
    MERGE_PATCH,
    Atlas,
    Requester,
    data,
    detail,
    ids,
    refusal,
    without,
)
from tests.support.stack import new_name

PASSWORD: Final = "a long enough password"

SignUp = Callable[[], Requester]


@pytest.fixture
def sign_up(atlas: Atlas) -> Generator[SignUp]:
    """Makes an account without a login, and logs in as it."""
    made: list[Requester] = []

    def sign_up() -> Requester:
        name = f"u{new_name()}"
        body = {"data": {"password": PASSWORD}}
        assert atlas.anonymous("PUT", f"/v1/accounts/{name}", body).status_code == 201
        made.append(Requester(atlas.nadia.origin, name, PASSWORD))
        return made[-1]

    yield sign_up
    for requester in made:
        requester.close()


def own(requester: Requester) -> str:
    return f"/v1/accounts/{requester.name}"


def test_an_account_belongs_to_its_user(atlas: Atlas, sign_up: SignUp) -> None:
    """ACC-1, ACC-2, ACC-5, AUTH-2, D-26: whoever made it; and it shows no password."""
    pia = sign_up()

    answer = pia("GET", own(pia))

    assert pia.user_id == f"account:{pia.name}"
    assert set(data(answer)) == {"id", "last_modified"}
    assert answer.json()["permissions"] == {"write": [pia.user_id]}


def test_an_account_is_made_by_post_too(atlas: Atlas) -> None:
    """ACC-2, ERR-19: its id and its password must be said."""
    name = f"u{new_name()}"

    made = atlas.anonymous("POST", "/v1/accounts", {"data": {"id": name, "password": PASSWORD}})
    nameless = atlas.anonymous("POST", "/v1/accounts", {"data": {"password": PASSWORD}})
    open_ = atlas.anonymous("POST", "/v1/accounts", {"data": {"id": f"{name}2"}})

    assert (made.status_code, data(made)["id"]) == (201, name)
    assert detail(nameless)["name"] == "data.id"
    assert nameless.json()["message"] == "data.id in body: Required"
    assert detail(open_) == {
        "location": "body",
        "name": "data.password",
        "description": "Required",
    }


def test_others_accounts_are_out_of_reach(sign_up: SignUp) -> None:
    """ACC-3: also to make."""
    pia, omar = sign_up(), sign_up()
    body = {"data": {"password": PASSWORD}}

    puts = [omar("PUT", path, body) for path in (own(pia), f"{own(pia)}x")]
    others = [omar("GET", own(pia)), omar("PATCH", own(pia), body), omar("DELETE", own(pia))]

    assert [detail(answer) for answer in puts] == [
        {
            "location": "body",
            "name": "data.id",
            "description": "Username and account ID do not match.",
        }
    ] * 2
    assert [refusal(answer) for answer in others] == [(403, 121)] * 3


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_an_account_that_is_taken(atlas: Atlas, sign_up: SignUp, method: str) -> None:
    """ACC-4: 401 for who has no login."""
    pia = sign_up()
    path = own(pia) if method == "PUT" else "/v1/accounts"

    answer = atlas.anonymous(method, path, {"data": {"id": pia.name, "password": "other"}})

    assert refusal(answer) == (401, 104)
    assert pia.user_id == f"account:{pia.name}"


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("PUT", {}, {"data": {"password": "new password"}}),
        ("PATCH", {}, {"data": {"password": "new password"}}),
        ("PATCH", MERGE_PATCH, {"data": {"password": "new password"}}),
        (
            "PATCH",
            JSON_PATCH,
            [{"op": "add", "path": "/data/password", "value": "new password"}],
        ),
    ],
)
def test_a_new_password_counts_at_once(
    sign_up: SignUp, method: str, headers: dict[str, str], body: Any
) -> None:
    """ACC-4, D-25: by every kind of change; and the old one is nobody's."""
    pia = sign_up()

    changed = pia(method, own(pia), body, headers)
    renewed = Requester(pia.origin, pia.name, "new password")

    assert changed.status_code == 200
    assert "password" not in data(changed)
    assert renewed.user_id == f"account:{pia.name}"
    assert refusal(pia("GET", own(pia))) == (403, 121)
    renewed.close()


def test_lists_of_accounts(atlas: Atlas, sign_up: SignUp) -> None:
    """ACC-6, D-6: the own one; 401 and its words for the anonymous."""
    pia = sign_up()

    refused = atlas.anonymous("GET", "/v1/accounts")

    assert ids(pia("GET", "/v1/accounts")) == [pia.name]
    assert refusal(refused) == (401, 104)
    assert refused.json()["message"] == "Cannot read accounts."


def test_a_deleted_account(atlas: Atlas, sign_up: SignUp) -> None:
    """ACC-7: a tombstone; what its user owns stays; in bulk, the own one alone."""
    pia, ida = sign_up(), sign_up()
    bucket = f"{atlas.bucket}-pia"
    data(pia("PUT", bucket, {"permissions": {"read": [atlas.omar.user_id]}}))

    tombstone = data(pia("DELETE", own(pia)))
    in_bulk = data(ida("DELETE", "/v1/accounts"))

    assert tombstone["deleted"] is True
    assert [each["id"] for each in in_bulk] == [ida.name]
    # Their old credentials are another's now.
    assert pia("GET", "/v1/").json()["user"]["id"].startswith("basicauth:")
    assert atlas.omar("GET", bucket).status_code == 200


def test_each_account_is_a_timeline(sign_up: SignUp) -> None:
    """ACC-8: what others do does not move it."""
    pia = sign_up()
    before = pia("HEAD", "/v1/accounts").headers["ETag"]
    sign_up()

    assert pia("HEAD", "/v1/accounts").headers["ETag"] == before


@pytest.mark.parametrize("path", ["validate/key", "reset-password"])
def test_accounts_are_not_confirmed_by_mail(sign_up: SignUp, path: str) -> None:
    """ACC-9: these endpoints are gone."""
    pia = sign_up()

    assert refusal(pia("POST", f"{own(pia)}/{path}", {})) == (404, 111)


# --- /permissions ---------------------------------------------------------------------------------


@pytest.fixture
def entries(atlas: Atlas, new_user: Requester) -> dict[str, dict[str, Any]]:
    """By URI, what `/permissions` tells who is named in one object of each type."""
    data(atlas.nadia("PUT", f"{atlas.bucket}/groups/crew", {"data": {"members": []}}))
    atlas.record("a", permissions={"read": [new_user.user_id]})
    atlas.record("b")
    atlas.grant(f"{atlas.bucket}/groups/crew", {"write": new_user})
    atlas.grant(atlas.collection, {"record:create": new_user})
    atlas.grant(atlas.bucket, {"write": new_user})
    return {each["uri"]: each for each in data(new_user("GET", "/v1/permissions"))}


def test_objects_that_name_the_requester(atlas: Atlas, entries: dict[str, Any]) -> None:
    """PRM-1, PRM-3, PRM-5: none that are inherited, and no history; with the ids they have."""
    bucket = atlas.bucket.removeprefix("/v1")
    bucket_id = bucket.rpartition("/")[2]
    stations = f"{bucket}/collections/stations"

    shown = {uri: without(entry, "permissions") for uri, entry in entries.items()}

    assert shown == {
        "/": {"uri": "/", "resource_name": "root"},
        bucket: {
            "uri": bucket,
            "resource_name": "bucket",
            "id": bucket_id,
            "bucket_id": bucket_id,
        },
        f"{bucket}/groups/crew": {
            "uri": f"{bucket}/groups/crew",
            "resource_name": "group",
            "id": "crew",
            "bucket_id": bucket_id,
            "group_id": "crew",
        },
        stations: {
            "uri": stations,
            "resource_name": "collection",
            "id": "stations",
            "bucket_id": bucket_id,
            "collection_id": "stations",
        },
        f"{stations}/records/a": {
            "uri": f"{stations}/records/a",
            "resource_name": "record",
            "id": "a",
            "bucket_id": bucket_id,
            "collection_id": "stations",
            "record_id": "a",
        },
    }


def test_permissions_with_what_they_imply(atlas: Atlas, entries: dict[str, Any]) -> None:
    """PRM-2, PRM-4: on the same object; at the root what everybody may create."""
    bucket = atlas.bucket.removeprefix("/v1")

    held = {uri: set(entry["permissions"]) for uri, entry in entries.items()}

    assert held["/"] >= {"bucket:create"}
    assert held[bucket] >= {"write", "read", "collection:create", "group:create"}
    assert held[f"{bucket}/groups/crew"] == {"write", "read"}
    stations = held[f"{bucket}/collections/stations"] - {"read:attributes"}
    assert stations >= {"record:create"}
    assert "write" not in stations
    assert held[f"{bucket}/collections/stations/records/a"] == {"read"}


@pytest.mark.usefixtures("entries")
def test_permissions_are_a_list_as_others(atlas: Atlas, new_user: Requester) -> None:
    """PRM-6, PRM-8, C-17: filters, order, pages and fields; counted by HEAD."""
    bucket_id = atlas.bucket.rpartition("/")[2]
    mine = f"bucket_id={bucket_id}"

    def uris(query: str) -> list[str]:
        found = data(new_user("GET", f"/v1/permissions?{query}"))
        return [each["uri"].partition(bucket_id)[2] for each in found]

    in_order = ["", "/collections/stations", "/collections/stations/records/a", "/groups/crew"]
    assert uris(mine) == in_order[::-1]
    assert uris(f"{mine}&_sort=uri") == in_order
    assert uris(f"{mine}&resource_name=record") == in_order[2:3]
    assert uris(f"{mine}&_since=0") == in_order[::-1]
    page = new_user("GET", f"/v1/permissions?{mine}&_sort=id&_limit=3&_fields=uri")
    assert all(set(each) >= {"uri"} and "permissions" not in each for each in data(page))
    assert len(data(new_user("GET", page.headers["Next-Page"]))) == 1
    head = new_user("HEAD", f"/v1/permissions?{mine}")
    assert head.headers["Total-Records"] == head.headers["Total-Objects"] == "4"
    assert detail(new_user("GET", "/v1/permissions?permissions=read"))["name"] == "permissions"


def test_permissions_are_never_unchanged(new_user: Requester) -> None:
    """PRM-7: what one may do changes without any timestamp."""
    etag = {"If-None-Match": new_user("GET", "/v1/permissions").headers["ETag"]}

    assert new_user("GET", "/v1/permissions", headers=etag).status_code == 200


def test_the_anonymous_have_permissions_too(atlas: Atlas) -> None:
    """PRM-1, Section 19: on what is everyone's."""
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": EVERYONE}))
    bucket_id = atlas.bucket.rpartition("/")[2]

    [entry] = data(atlas.anonymous("GET", f"/v1/permissions?bucket_id={bucket_id}"))

    assert set(entry["permissions"]) - {"read:attributes"} == {"read"}
