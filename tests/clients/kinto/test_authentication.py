"""Section 6: who is who, and which principals they have."""

import base64
from collections.abc import Generator
from typing import Any

import pytest

from tests.clients.requester import Atlas, Requester, basicauth_id, data, refusal
from tests.support.stack import new_name

PASSWORD = "a long enough password"


def principals(requester: Requester) -> set[str]:
    return set(requester("GET", "/v1/").json()["user"]["principals"])


@pytest.fixture
def account(atlas: Atlas) -> Generator[Requester]:
    """Someone who has signed up."""
    name = f"pia{new_name()}"
    body = {"data": {"password": PASSWORD}}
    assert atlas.anonymous("PUT", f"/v1/accounts/{name}", body).status_code == 201
    requester = Requester(atlas.nadia.origin, name, PASSWORD)
    yield requester
    requester.close()


def test_the_first_policy_that_accepts_gives_the_user_id(atlas: Atlas, account: Requester) -> None:
    """AUTH-1 to AUTH-3: of an account its name, else what `basicauth` makes of the credentials."""
    assert account.user_id == f"account:{account.name}"
    assert atlas.nadia.user_id == basicauth_id("nadia")


def test_a_wrong_password_is_another_user(atlas: Atlas, account: Requester) -> None:
    """AUTH-3: it falls through to `basicauth` when both are on, and is no account's."""
    wrong = Requester(atlas.nadia.origin, account.name, "wrong")

    assert wrong.user_id.startswith("basicauth:")
    wrong.close()


def test_an_empty_name_is_anonymous(atlas: Atlas) -> None:
    """AUTH-3."""
    nameless = base64.b64encode(b":password").decode()

    answer = atlas.anonymous("GET", "/v1/", headers={"Authorization": f"Basic {nameless}"})

    assert "user" not in answer.json()


@pytest.mark.parametrize("authorization", ["Bearer x", "Basic !!!", "Digest x", "x"])
def test_credentials_that_no_policy_accepts_are_anonymous(atlas: Atlas, authorization: str) -> None:
    """AUTH-1, AUTH-7: refused where one must be somebody, with a challenge."""
    headers = {"Authorization": authorization}

    open_ = atlas.anonymous("GET", "/v1/", headers=headers)
    closed = atlas.anonymous("GET", "/v1/buckets", headers=headers)

    assert open_.status_code == 200
    assert refusal(closed) == (401, 104)
    assert closed.headers["WWW-Authenticate"] == 'Basic realm="Realm"'


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_every_401_has_a_challenge(atlas: Atlas, method: str) -> None:
    """AUTH-7."""
    body: Any = {"data": {}} if method in {"PUT", "PATCH"} else None

    answer = atlas.anonymous(method, f"{atlas.records}/a", body)

    assert refusal(answer) == (401, 104)
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Realm"'


def test_principals_are_the_user_their_groups_and_the_two_of_the_system(atlas: Atlas) -> None:
    """AUTH-5, HELLO-2: of every bucket, and groups of all who are authenticated."""
    members = {"crew": [atlas.omar.user_id], "all": ["system.Authenticated"], "others": ["x"]}
    for id_, each in members.items():
        data(atlas.nadia("PUT", f"{atlas.bucket}/groups/{id_}", {"data": {"members": each}}))
    groups = f"{atlas.bucket}/groups".removeprefix("/v1")
    system = {"system.Authenticated", "system.Everyone"}

    of_omar = {each for each in principals(atlas.omar) if groups in each or "/" not in each}
    of_nadia = {each for each in principals(atlas.nadia) if groups in each or "/" not in each}

    assert of_omar == {atlas.omar.user_id, f"{groups}/crew", f"{groups}/all", *system}
    assert of_nadia == {atlas.nadia.user_id, f"{groups}/all", *system}


def test_the_anonymous_are_in_no_group(atlas: Atlas) -> None:
    """AUTH-5: not even in one of all who are authenticated."""
    group = f"{atlas.bucket}/groups/all"
    data(atlas.nadia("PUT", group, {"data": {"members": ["system.Authenticated"]}}))
    uri = group.removeprefix("/v1")
    data(atlas.nadia("PATCH", atlas.collection, {"permissions": {"read": [uri]}}))

    assert atlas.omar("GET", atlas.records).status_code == 200
    assert refusal(atlas.anonymous("GET", atlas.records)) == (401, 104)


def test_a_principal_need_not_exist(atlas: Atlas) -> None:
    """AUTH-6: any string may be named; a group's URI works as soon as it has members."""
    group = f"{atlas.bucket}/groups/later"
    named = [group.removeprefix("/v1"), "anything at all", "account:nobody"]
    shown = atlas.nadia("PATCH", atlas.collection, {"permissions": {"read": named}})
    before = atlas.omar("GET", atlas.records)

    data(atlas.nadia("PUT", group, {"data": {"members": [atlas.omar.user_id]}}))

    assert set(shown.json()["permissions"]["read"]) == set(named)
    assert refusal(before) == (403, 121)
    assert atlas.omar("GET", atlas.records).status_code == 200


def test_membership_counts_from_the_next_request_on(atlas: Atlas) -> None:
    """AUTH-8, GRP-5, E-3: in both directions, for reads and for writes."""
    group = f"{atlas.bucket}/groups/crew"
    uri = group.removeprefix("/v1")
    data(atlas.nadia("PATCH", atlas.bucket, {"permissions": {"write": [uri]}}))
    statuses: list[int] = []
    for members in ([atlas.omar.user_id], [], [atlas.omar.user_id]):
        data(atlas.nadia("PUT", group, {"data": {"members": members}}))
        statuses.append(atlas.omar("POST", atlas.records).status_code)
        statuses.append(atlas.omar("GET", atlas.collection).status_code)

    assert statuses == [201, 200, 403, 403, 201, 200]
