"""The alias `default` on its way through the pipeline, without a server (section 17)."""

from base64 import b64encode
from collections.abc import Callable

import orjson
import pytest

from muniment.domain.addresses import CollectionId, record
from muniment.domain.commands import OWN_BUCKET, Requester, authenticated, joined
from muniment.domain.refusals import INVALID_ID, CollectionMissing, ObjectMissing
from muniment.domain.values import Principal
from muniment.runtime.settings import Settings
from muniment.web.edge import Edge
from muniment.web.errors import Errors, forbidden, invalid
from muniment.web.http import Handler, Request, Response
from tests.unit.web.building import json_of, pipeline, request

NADIA = {"Authorization": f"Basic {b64encode(b'nadia:x').decode()}"}
RECORDS = "/v1/buckets/default/collections/tides/records"


class Backend:
    """Answers in turn what it is told to, and remembers who asked for what."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.requesters: list[Requester] = []

    async def __call__(self, request: Request) -> Response:
        self.asked.append((request.method, request.raw_path))
        self.requesters.append(request.requester)
        return self.answers.pop(0) if self.answers else Response(body=b"{}")


def created() -> Response:
    return Response(status=201, body=b"{}")


def there() -> Response:
    return Response(status=412, body=b"{}")


def missing_collection() -> Response:
    refusal = CollectionMissing(CollectionId("tides"))
    return Errors().refuse(refusal, authenticated(Principal("account:nadia")))


def missing_record() -> Response:
    refusal = ObjectMissing(record("b", "tides", "a"))
    return Errors().refuse(refusal, authenticated(Principal("account:nadia")))


async def bucket_id() -> str:
    view = json_of(await pipeline().handle(request("GET", "/v1/", headers=NADIA)))
    return str(view["user"]["bucket"])


async def ask(
    path: str = RECORDS,
    method: str = "GET",
    *,
    reads: Handler,
    writes: Handler,
    body: object = None,
) -> Response:
    asked = request(method, path, headers=NADIA, body=body)
    return await pipeline(reads=reads, writes=writes).handle(asked)


async def test_what_is_there_costs_nothing() -> None:
    """DEF-3: nothing is asked or made beforehand."""
    reads, writes = Backend(), Backend()

    await ask(reads=reads, writes=writes)

    assert reads.asked == [("GET", f"/v1/buckets/{await bucket_id()}/collections/tides/records")]
    assert writes.asked == []


@pytest.mark.parametrize("missing", [forbidden, missing_collection])
async def test_what_is_missing_is_made_and_the_request_put_again(
    missing: Callable[[], Response],
) -> None:
    """DEF-3, DEF-4."""
    reads, writes = Backend(missing()), Backend(there(), created())

    answer = await ask(reads=reads, writes=writes)

    real = f"/v1/buckets/{await bucket_id()}"
    assert answer.status == 200
    assert writes.asked == [("PUT", real), ("PUT", f"{real}/collections/tides")]
    assert len(reads.asked) == 2


async def test_a_wrong_id_in_a_body_does_not_keep_the_bucket_from_being_made() -> None:
    """DEF-3: it is told before anybody looks for the bucket (2.3, step 4)."""
    backend = Backend(invalid((INVALID_ID,)), there(), invalid((INVALID_ID,)))

    answer = await ask("/v1/buckets/default/collections", "POST", reads=Backend(), writes=backend)

    path = f"/v1/buckets/{await bucket_id()}"
    asked = ("POST", f"{path}/collections")
    assert answer.status == 400
    assert backend.asked == [asked, ("PUT", path), asked]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("PUT", "/v1/buckets/default/collections", id="no such method"),
        pytest.param("GET", "/v1/buckets/default/collections/n!/records", id="no such name"),
        pytest.param("GET", "/v1/buckets/atlas", id="another bucket"),
    ],
)
def test_in_a_batch_what_is_refused_in_any_case_makes_nothing(method: str, path: str) -> None:
    """DEF-4, and 2.3, step 2: as by itself."""
    edge = Edge(Settings(auth_policies=("basicauth",)))
    assert edge.default_bucket is not None
    asked = request(method, path, headers=NADIA)

    assert edge.default_bucket.spelled_out([asked]) == [(asked, True)]


async def test_a_missing_record_makes_nothing() -> None:
    """It says that all above it is there."""
    reads, writes = Backend(missing_record()), Backend()

    answer = await ask(f"{RECORDS}/a", reads=reads, writes=writes)

    assert answer.status == 404
    assert writes.asked == []


async def test_a_request_is_put_again_once() -> None:
    """Who may not do it in an own bucket either is told so."""
    reads, writes = Backend(forbidden(), forbidden()), Backend(there(), there())

    assert (await ask(reads=reads, writes=writes)).status == 403


@pytest.mark.parametrize(("status", "told"), [(503, 503), (400, 403)])
async def test_what_keeps_it_from_being_made_is_told(status: int, told: int) -> None:
    """DEF-10: a backend that is away is one, else the answer to the request itself stands."""
    reads, writes = Backend(forbidden()), Backend(Response(status=status, body=b"{}"))

    assert (await ask(reads=reads, writes=writes)).status == told


async def test_readonly_refuses_reads_as_well() -> None:
    """DEF-1: a read might have to make something."""
    asked = request("GET", "/v1/buckets/default", headers=NADIA)

    assert (await pipeline(readonly=True).handle(asked)).status == 405


async def test_the_alias_in_a_body_becomes_the_real_id() -> None:
    """DEF-5."""
    bodies: list[bytes] = []

    async def writes(request: Request) -> Response:
        bodies.append(request.body)
        return created()

    body = {"data": {"id": "default", "n": 1}}
    await ask("/v1/buckets/default", "PUT", reads=Backend(), writes=writes, body=body)

    assert orjson.loads(bodies[0]) == {"data": {"id": await bucket_id(), "n": 1}}


async def test_the_right_to_make_ones_own_bucket_reaches_no_further() -> None:
    """BKT-1: it is for that one bucket, by its real id too, and survives joining groups."""
    writes = Backend()
    for path in ("default", await bucket_id(), "other", "default/collections/x"):
        await ask(f"/v1/buckets/{path}", "PUT", reads=Backend(), writes=writes)

    assert [OWN_BUCKET in each.principals for each in writes.requesters] == [
        True,
        True,
        False,
        False,
    ]
    assert OWN_BUCKET in joined(writes.requesters[0], {Principal("/buckets/b/groups/g")}).principals


async def test_switched_off_it_is_a_bucket_like_others() -> None:
    """`default_bucket_enabled`."""
    reads = Backend()
    asked = request("GET", "/v1/buckets/default", headers=NADIA)

    await pipeline(reads=reads, default_bucket_enabled=False).handle(asked)

    assert reads.asked == [("GET", "/v1/buckets/default")]
