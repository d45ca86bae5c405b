"""A batch on its way: what waits for what, and what is told when something breaks."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from muniment.command.batch import Batches, in_turn, send_with_its_batch
from muniment.command.pending import Enlisted, Facet, seen_by_request
from muniment.command.waiting import Unavailable
from muniment.runtime.settings import Settings
from muniment.web.batch import BatchReader
from muniment.web.edge import Edge
from muniment.web.endpoints import Endpoint
from muniment.web.forwarding import FORWARDED
from muniment.web.http import Request, Response
from tests.unit.web.building import json_of, request

SETTINGS: Final = Settings(
    auth_policies=("basicauth",), userid_hmac_secret=SecretStr("secret"), flush_enabled=True
)
RECORDS: Final = "/collections/c/records"


class World:
    """Writes what happens, in its order; buckets in `away` can be neither changed nor read.

    Paths are short: `a` is a bucket, `a/groups/g` a group in it, `a/` the list of records of its
    only collection and `a/1` one of them; others begin with a slash. Reads that the owner of a
    bucket answers are told in brackets.
    """

    def __init__(self, *away: str) -> None:
        self.told: list[str] = []
        self.sent: list[Sequence[Enlisted]] = []
        self._away = away
        self.batches = Batches(BatchReader(requests_max=9), send_together=self.send_together)
        edge = Edge(SETTINGS)
        self._reader = edge.commands
        self.within = edge.pipeline(
            service="test",
            checks={},
            reads=self.read,
            writes=self._write,
            more={Endpoint.FLUSH: self.read},
            in_turn=in_turn,
        ).handle

    async def send_together(self, enlisted: Sequence[Enlisted]) -> Sequence[Response]:
        shown = [
            f"({short(each.request)})" if each.is_read else short(each.request) for each in enlisted
        ]
        self.told.append("+".join(shown))
        self.sent.append(enlisted)
        if enlisted[0].bucket_id in self._away:
            raise Unavailable("away")
        return [Response(status=201, body=b"{}") for _ in enlisted]

    async def read(self, asked: Request) -> Response:
        self.told.append(short(asked))
        if asked.target.bucket_id in self._away:
            raise Unavailable("away")
        return Response(body=b"{}")

    async def _write(self, asked: Request) -> Response:
        async def alone() -> Response:
            return await self.read(asked)

        return await send_with_its_batch(asked, self._reader.read(asked), alone)

    async def ask(self, *items: str, forwarded: bool = False) -> Response:
        """Each item is a method and a path."""
        split = [each.split() for each in items]
        body = {"requests": [{"method": method, "path": long(path)} for method, path in split]}
        headers = {FORWARDED: "other"} if forwarded else {}
        asked = request("POST", "/v1/batch", headers=headers, body=body)
        return await self.batches.handle(asked, self.within)


def long(path: str) -> str:
    """The path as a client sends it."""
    if path.startswith("/"):
        return path
    bucket_id, slash, below = path.partition("/")
    if slash and not below.startswith("groups/"):
        return f"/buckets/{bucket_id}{RECORDS}/{below}".rstrip("/")
    return f"/buckets/{path}"


def short(asked: Request) -> str:
    path = asked.raw_path.removeprefix("/v1")
    if not path.startswith("/buckets/"):
        return path
    path = path.removeprefix("/buckets/")
    return path.replace(f"{RECORDS}/", "/").replace(RECORDS, "/")


def statuses(response: Response) -> list[int]:
    items: list[Any] = json_of(response)["responses"]
    return [item["status"] for item in items]


@pytest.mark.parametrize(
    ("items", "told"),
    [
        pytest.param(["PUT a/1", "PUT b/1", "PUT a/2"], ["a/1+a/2", "b/1"], id="by-bucket"),
        pytest.param(["GET a/", "PUT a/1", "PUT a/2"], ["a/", "a/1+a/2"], id="read-before"),
        pytest.param(["PUT a/1", "PUT a/2", "GET a/"], ["a/1+a/2", "a/"], id="read-after"),
        pytest.param(
            ["PUT a/1", "GET a/", "GET a/1", "PUT a/2", "GET a/"],
            ["a/1+(a/)+(a/1)+a/2", "a/"],
            id="read-between",
        ),
        pytest.param(
            ["PUT a/1", "DELETE a/", "PUT a/2"], ["a/1+a/+a/2"], id="list-deletion-between"
        ),
        pytest.param(
            ["PUT a/1", "GET b/1", "PUT a/2"], ["b/1", "a/1+a/2"], id="read-of-another-bucket"
        ),
        pytest.param(
            ["PUT a/1", "GET /buckets", "PUT a/2"], ["/buckets", "a/1+a/2"], id="unseen-change"
        ),
        pytest.param(
            ["PUT a", "GET /buckets", "PUT a/2"], ["a+(/buckets)+a/2"], id="read-of-all-buckets"
        ),
        pytest.param(
            ["PUT a/1", "GET /permissions", "PUT a/2"],
            ["a/1+(/permissions)+a/2"],
            id="read-of-all-there-is",
        ),
        pytest.param(
            ["PUT a/1", "GET /__lbheartbeat__", "PUT a/2"],
            ["a/1+a/2"],
            id="read-of-nothing-in-buckets",
        ),
        pytest.param(["PUT a", "PUT b", "PUT a/1"], ["a+a/1", "b"], id="buckets-in-order"),
        pytest.param(
            ["PUT a/1", "PUT b/groups/g", "PUT a/2", "PUT b/2"],
            ["a/1", "b/groups/g+b/2", "a/2"],
            id="members-change-for-the-next-only",
        ),
        pytest.param(
            ["PUT b/groups/g", "PUT a/1", "PUT b/2", "PUT a/2"],
            ["b/groups/g+b/2", "a/1+a/2"],
            id="members-change-first",
        ),
    ],
)
async def test_changes_of_a_bucket_are_made_together(items: list[str], told: list[str]) -> None:
    """BAT-12, BAT-18: with the reads between them."""
    world = World()

    response = await world.ask(*items)

    assert world.told == told
    assert max(statuses(response)) < 300


@pytest.mark.parametrize(
    ("items", "told"),
    [
        pytest.param(
            ["PUT a/1", "POST /__flush__", "PUT a/2"], ["a/1", "/__flush__", "a/2"], id="flush"
        ),
        pytest.param(
            ["PUT a/1", "DELETE /buckets", "PUT a/2"], ["a/1", "/buckets", "a/2"], id="buckets"
        ),
        pytest.param(
            ["PUT a/groups/g", "PUT b/1", "PUT a/groups/g"],
            ["a/groups/g", "b/1", "a/groups/g"],
            id="members-before-and-after",
        ),
        pytest.param(["PUT a", "PUT b", "PATCH a"], ["a", "b", "a"], id="buckets-in-turns"),
        pytest.param(
            ["PUT a/1", "PUT b/1", "GET /permissions", "PUT a/2", "PUT b/2"],
            ["b/1", "a/1+(/permissions)+a/2", "b/2"],
            id="read-of-two-that-go-on",
        ),
    ],
)
async def test_what_cannot_be_together(items: list[str], told: list[str]) -> None:
    """BAT-12 ranks before BAT-18: the cases that `command/batch.py` names, and their order."""
    world = World()

    await world.ask(*items)

    assert world.told == told


class Seeing(World):
    """Notes what each request sees, in facets that are counted up by changes."""

    def __init__(self) -> None:
        super().__init__()
        self.state: defaultdict[tuple[str, Facet], int] = defaultdict(int)
        self.saw: dict[str, object] = {}

    async def send_together(self, enlisted: Sequence[Enlisted]) -> Sequence[Response]:
        for each in enlisted:
            self.note(each.request, each.request.target.bucket_id, each.sees)
            for facet in each.shows:
                self.state[each.bucket_id, facet] += 1
        return await super().send_together(enlisted)

    async def read(self, asked: Request) -> Response:
        self.note(asked, asked.target.bucket_id, seen_by_request(asked))
        return await super().read(asked)

    def note(self, asked: Request, own: str | None, sees: Facet) -> None:
        """Of its own bucket a request sees all, of others what matters to it."""
        self.saw[asked.raw_query] = {
            key: count for key, count in self.state.items() if key[0] == own or key[1] & sees
        }


VERBS: Final = (
    *("PUT {}/1", "PUT {}/groups/g", "PUT {}", "DELETE {}", "DELETE {}/", "GET {}/", "GET {}/1"),
    *("GET /buckets", "GET /permissions", "GET /__lbheartbeat__", "DELETE /buckets"),
)


@given(
    st.lists(st.tuples(st.sampled_from(VERBS), st.sampled_from("abc")), min_size=1, max_size=9),
)
async def test_each_request_sees_what_was_before_it_and_nothing_else(
    steps: list[tuple[str, str]],
) -> None:
    """BAT-12, whatever is put together: as when each is sent in a batch of its own."""
    items = [f"{verb.format(name)}?{place}" for place, (verb, name) in enumerate(steps)]
    together, apart = Seeing(), Seeing()

    await together.ask(*items)
    for item in items:
        await apart.ask(item)

    assert together.saw == apart.saw
    assert together.state == apart.state


@given(
    st.lists(
        st.sampled_from([verb for verb in VERBS if verb != "DELETE /buckets"]),
        min_size=1,
        max_size=9,
    )
)
async def test_one_bucket_is_changed_at_once_whatever_is_read(verbs: list[str]) -> None:
    """BAT-18: nothing but a second bucket can come between two changes of the first."""
    world = World()

    await world.ask(*(verb.format("a") for verb in verbs))

    changed = any(not verb.startswith("GET") for verb in verbs)
    assert len(world.sent) == (1 if changed else 0)


async def test_a_failure_of_the_only_change_is_the_whole_answer() -> None:
    """BAT-15: its body alone, with when to come back."""
    response = await World("a").ask("PUT a/1", "PUT a/2", "GET b/")

    assert (response.status, response.headers["Retry-After"]) == (503, "3")
    assert json_of(response)["errno"] == 201


async def test_a_failure_of_a_read_is_the_whole_answer() -> None:
    """BAT-15: as long as nothing was changed."""
    assert (await World("a").ask("GET a/", "GET b/")).status == 503


@pytest.mark.parametrize(
    "items", [["PUT b/1", "PUT a/1"], ["PUT b/1", "GET a/"], ["POST /__flush__", "PUT a/1"]]
)
async def test_a_failure_after_a_change_is_told_with_it(items: list[str]) -> None:
    """E-6: what another bucket's commit has made stands, and is told."""
    response = await World("a").ask(*items)

    assert response.status == 200
    done, failed = statuses(response)
    assert (done // 100, failed) == (2, 503)


async def test_a_batch_that_was_sent_on_may_be_longer() -> None:
    """DEF-3, BAT-6: it holds what was put in beside, up to two requests for each."""
    items = [f"PUT a/{number}" for number in range(27)]

    assert (await World().ask(*items)).status == 400
    assert statuses(await World().ask(*items, forwarded=True)) == [201] * 27
    assert (await World().ask(*items, "PUT a/27", forwarded=True)).status == 400


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


async def test_a_redirect_to_elsewhere_is_the_clients() -> None:
    """BAT-9, OID-1: the login's page is not a path of ours."""
    world = World()
    elsewhere = {"Location": "https://login.example.org/authorize"}

    async def login(_: Request) -> Response:
        return Response(status=307, headers=elsewhere)

    body = orjson.dumps({"requests": [{"path": "/openid/auth0/login"}]})
    response = await world.batches.handle(request("POST", body=body), login)

    [item] = orjson.loads(response.body or b"")["responses"]
    assert (item["status"], item["path"]) == (307, "/v1/openid/auth0/login")
    assert item["headers"]["Location"] == elsewhere["Location"]
