"""A batch on its way: what waits for what, and what is told when something breaks."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import pytest

from muniment.command.batch import Batches, Enlisted, in_turn, send_with_its_batch
from muniment.command.waiting import Unavailable
from muniment.domain.addresses import record
from muniment.web.batch import BatchReader
from muniment.web.forwarding import FORWARDED
from muniment.web.http import Handler, Request, Response
from tests.support.deciding import ask
from tests.unit.web.building import json_of, request

AWAY: Final = Response(status=503, headers={"Retry-After": "3"}, body=b'{"code":503}')


class World:
    """Writes what happens, in its order; buckets in `away` cannot be changed."""

    def __init__(self, *away: str) -> None:
        self.told: list[str] = []
        self._away = away
        self.batches = Batches(BatchReader(requests_max=3), send_together=self.send_together)

    async def send_together(self, enlisted: Sequence[Enlisted]) -> Sequence[Response]:
        self.told.append("+".join(each.request.raw_path.removeprefix("/v1/") for each in enlisted))
        if enlisted[0].command.address.bucket_id in self._away:
            raise Unavailable("away")
        return [Response(status=201, body=b"{}") for _ in enlisted]

    async def within(self, asked: Request) -> Response:
        """`/v1/<bucket>/<id>` is written, anything that is not a PUT answers at once."""
        if asked.method == "POST":
            return await in_turn(self._at_once)(asked)
        if asked.method != "PUT":
            return await self._at_once(asked)
        _, _, bucket_id, id_ = asked.raw_path.split("/")
        command = ask(address=record(bucket_id, "c", id_)).put({})
        try:
            return await send_with_its_batch(asked, command, _never)
        except Unavailable:
            return AWAY

    async def _at_once(self, asked: Request) -> Response:
        path = asked.raw_path.removeprefix("/v1/")
        self.told.append(path)
        return AWAY if path.partition("/")[0] in self._away else Response(body=b"{}")

    async def ask(self, *items: str, forwarded: bool = False) -> Response:
        """Each item is a method and a path."""
        split = [each.split() for each in items]
        body = {"requests": [{"method": method, "path": path} for method, path in split]}
        headers = {FORWARDED: "other"} if forwarded else {}
        asked = request("POST", "/v1/batch", headers=headers, body=body)
        within: Handler = self.within
        return await self.batches.handle(asked, within)


async def _never() -> Response:
    raise AssertionError("sent alone")


def statuses(response: Response) -> list[int]:
    items: list[Any] = json_of(response)["responses"]
    return [item["status"] for item in items]


@pytest.mark.parametrize(
    ("items", "told"),
    [
        pytest.param(["PUT /a/1", "PUT /b/1", "PUT /a/2"], ["a/1+a/2", "b/1"], id="by-bucket"),
        pytest.param(["PUT /a/1", "GET /b/1", "PUT /a/2"], ["a/1", "b/1", "a/2"], id="read"),
        pytest.param(["PUT /a/1", "POST /x", "PUT /a/2"], ["a/1", "x", "a/2"], id="past-the-log"),
    ],
)
async def test_changes_of_a_bucket_are_made_together(items: list[str], told: list[str]) -> None:
    """BAT-12, BAT-18: until something must see them."""
    world = World()

    await world.ask(*items)

    assert world.told == told


async def test_a_failure_of_the_only_change_is_the_whole_answer() -> None:
    """BAT-15: its body alone, with when to come back."""
    response = await World("a").ask("PUT /a/1", "PUT /a/2", "GET /b")

    assert (response.status, response.headers["Retry-After"]) == (503, "3")
    assert json_of(response) == {"code": 503}


async def test_a_failure_of_a_read_is_the_whole_answer() -> None:
    """BAT-15: as long as nothing was changed."""
    assert (await World("a").ask("GET /a", "GET /b")).status == 503


@pytest.mark.parametrize(
    "items",
    [
        ["PUT /b/1", "PUT /a/1"],
        ["PUT /b/1", "GET /a"],
        ["POST /b", "PUT /a/1"],
    ],
)
async def test_a_failure_after_a_change_is_told_with_it(items: list[str]) -> None:
    """E-6: what another bucket's commit has made stands, and is told."""
    response = await World("a").ask(*items)

    assert response.status == 200
    done, failed = statuses(response)
    assert (done // 100, failed) == (2, 503)


async def test_a_batch_that_was_sent_on_may_be_longer() -> None:
    """DEF-3, BAT-6: it holds what was put in beside, up to two requests for each."""
    items = [f"PUT /a/{number}" for number in range(9)]

    assert (await World().ask(*items)).status == 400
    assert statuses(await World().ask(*items, forwarded=True)) == [201] * 9
    assert (await World().ask(*items, "PUT /a/9", forwarded=True)).status == 400


async def test_a_redirect_is_followed_twice() -> None:
    """BAT-9: and no more, whatever the endpoint says."""
    world = World()
    seen: list[str] = []

    async def round_and_round(asked: Request) -> Response:
        seen.append(asked.raw_path)
        return Response(status=307, headers={"Location": f"{asked.url}x"})

    body = orjson.dumps({"requests": [{"path": "/a"}]})
    response = await world.batches.handle(request("POST", body=body), round_and_round)

    assert seen == ["/v1/a", "/v1/ax", "/v1/axx"]
    assert statuses(response) == [307]
