"""Users at two instances: what one of them did counts at the other at once."""

from base64 import b64encode
from collections.abc import AsyncGenerator, Generator

import pytest

from tests.support.cluster import (
    Client,
    Cluster,
    Service,
    client_of,
    new_cluster,
    wait_until_ready,
)
from tests.support.stack import Stack, new_name

SETTINGS = {
    "auth_policies": "account",
    "account_create_principals": "system.Everyone",
    "bucket_create_principals": "account:nobody",
    "default_bucket_hmac_secret": "of the test",
}


@pytest.fixture(scope="module")
def services(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Generator[tuple[Cluster, Service, Service]]:
    with new_cluster(stack, tmp_path_factory.mktemp("users")) as cluster:
        cluster.start("projector", "projector")
        yield (
            cluster,
            cluster.start("api", "one", settings=SETTINGS),
            cluster.start("api", "two", settings=SETTINGS),
        )


@pytest.fixture
async def both(
    services: tuple[Cluster, Service, Service],
) -> AsyncGenerator[tuple[Client, Client]]:
    """Either instance, without credentials."""
    _, one, two = services
    async with client_of(one, user=None) as at_one, client_of(two, user=None) as at_two:
        await wait_until_ready(at_one, at_two)
        yield at_one, at_two


def login(name: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


async def user_at(client: Client, headers: dict[str, str]) -> str | None:
    answer = await client("GET", "/", headers=headers)
    user = answer.body.get("user")
    return None if user is None else str(user["id"])


async def test_a_changed_password_counts_at_once_on_every_instance(
    both: tuple[Client, Client],
) -> None:
    """ACC-4: although each instance keeps what it has checked for some seconds."""
    one, two = both
    name = new_name()
    old, new = login(name, "old"), login(name, "new")
    await one("PUT", f"/accounts/{name}", {"data": {"password": "old"}})
    assert [await user_at(each, old) for each in both] == [f"account:{name}"] * 2

    await one("PATCH", f"/accounts/{name}", {"data": {"password": "new"}}, headers=old)

    assert await user_at(two, old) is None
    assert await user_at(two, new) == f"account:{name}"
    await two("DELETE", f"/accounts/{name}", headers=new)
    assert await user_at(one, new) is None


async def test_the_default_bucket_is_made_from_any_instance(both: tuple[Client, Client]) -> None:
    """DEF-3, DEF-4: wherever the owner of its stream is, in a batch as well."""
    for number in range(8):
        first, second = both if number % 2 else both[::-1]
        name = new_name()
        headers = login(name, "x")
        await first("PUT", f"/accounts/{name}", {"data": {"password": "x"}})
        records = "/buckets/default/collections/tides/records"
        if number < 4:
            made = await first("PUT", f"{records}/a", headers=headers)
            assert made.status == 201, made.body
        else:
            batch = {"requests": [{"method": "PUT", "path": f"{records}/a"}]}
            answer = await first("POST", "/batch", batch, headers=headers)
            assert [each["status"] for each in answer.body["responses"]] == [201], answer.body

        listed = await second("GET", records, headers=headers)

        assert [each["id"] for each in listed.data] == ["a"]
