"""DataForce's clients and two instances that share the partitions."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import orjson
import pytest

from muniment.web.operator_requests import operator_headers
from muniment.web.webhook_orders import InternalKey
from tests.support.batching import Pair, both_own
from tests.support.cluster import Service, client_of, wait_until_ready

SECRET: Final = b"of the test"
TAKE_OVER_S: Final = 60.0
REVOKED_WITHIN_S: Final = 15.0


class Site:
    """Two instances, and a key for both."""

    def __init__(self, session: aiohttp.ClientSession, services: tuple[Service, ...]) -> None:
        self._session = session
        self._origins = [each.origin for each in services]
        self.key = ""

    async def operate(self, at: int, method: str, path: str, body: Mapping[str, Any]) -> Any:
        content = orjson.dumps(body)
        headers = operator_headers(InternalKey(SECRET), method, path, content)
        _, told = await self._send(at, method, path, content, headers)
        return told["data"]

    async def __call__(
        self, at: int, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        content = None if body is None else orjson.dumps(body)
        headers = {"Authorization": f"Bearer {self.key}"}
        return await self._send(at, method, path, content, headers)

    async def _send(
        self, at: int, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        headers = {**headers, "Content-Type": "application/json"}
        url = f"{self._origins[at]}{path}"
        async with self._session.request(method, url, data=content, headers=headers) as answer:
            text = await answer.read()
            return answer.status, orjson.loads(text) if text else None


async def test_every_instance_takes_every_call(pair: Pair) -> None:
    """What another instance owns is sent on as it came, and read back from either at once."""
    cluster, *services = pair
    async with (
        client_of(services[0]) as one,
        client_of(services[1]) as two,
        aiohttp.ClientSession() as session,
    ):
        await wait_until_ready(one, two)
        async with asyncio.timeout(TAKE_OVER_S):
            while not await both_own(cluster):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
        await wait_until_ready(one, two)
        site = Site(session, tuple(services))
        user = await site.operate(0, "POST", "/v1/__users__", {"name": "nadia"})
        site.key = user["key"]["key"]
        organization = await site.operate(1, "POST", "/v1/__organizations__", {"name": "Atlas"})
        member = f"/v1/__organizations__/{organization['id']}/members/{user['id']}"
        await site.operate(0, "PUT", member, {"role": "owner"})
        orbits = f"/organizations/{organization['id']}/orbits"
        for maker in (0, 1):
            status, orbit = await site(maker, "POST", orbits, {"name": f"of {maker}"})
            assert status == 200
            await _change(site, f"{orbits}/{orbit['id']}/collections")
        assert len((await site(0, "GET", orbits))[1]) == 2
        await _revoke(site, user["key"]["id"])


async def _change(site: Site, listing: str) -> None:
    """Through both instances: one of them owns the orbit's stream."""
    for at, other in ((0, 1), (1, 0)):
        body = {"name": "n", "description": "d", "type": "model"}
        status, made = await site(at, "POST", listing, body)
        assert status == 200
        path = f"{listing}/{made['id']}"
        assert (await site(other, "GET", path))[1]["name"] == "n"
        status, _ = await site(other, "PATCH", path, {"name": "m"})
        assert status == 200
        assert (await site(at, "GET", path))[1]["name"] == "m"
        status, told = await site(at, "PATCH", path, {"name": 1})
        assert (status, told["detail"][0]["loc"]) == (422, ["body", "name"])
        assert await site(other, "DELETE", path) == (204, None)
        assert await site(at, "DELETE", path) == (404, {"detail": "Collection not found"})


async def _revoke(site: Site, key: str) -> None:
    """At once here; there when what it has seen of the key runs out."""
    await site.operate(0, "DELETE", f"/v1/__keys__/{key}", {})
    assert (await site(0, "GET", "/users/me/organizations"))[0] == 401
    async with asyncio.timeout(REVOKED_WITHIN_S):
        while (await site(1, "GET", "/users/me/organizations"))[0] != 401:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("at", [0, 1])
async def test_a_forged_signature_opens_nothing(pair: Pair, at: int) -> None:
    """On neither instance."""
    _, *services = pair
    key = InternalKey(b"another")
    headers = operator_headers(key, "POST", "/v1/__users__", b'{"name":"x"}')
    async with aiohttp.ClientSession() as session:
        url = f"{services[at].origin}/v1/__users__"
        async with session.post(url, data=b'{"name":"x"}', headers=headers) as answer:
            assert answer.status == 401
