"""The query service without its connections, on a database of its own that a test fills."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from multidict import CIMultiDict

from muniment.domain.commands import Requester
from muniment.domain.permissions import Granted
from muniment.domain.queries.selection import Limits
from muniment.query.reads import Reads
from muniment.query.snapshots import Snapshots
from muniment.query.store import Store, open_store
from muniment.web.cache import CachePolicy
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.route_tables import Features
from muniment.web.routes import Routes, Target
from tests.support.deciding import NADIA
from tests.support.stack import Stack, new_database

ORIGIN: Final = "https://data.example.org"
ROUTES: Final = Routes(Features(groups=True, permissions=True, history=True, counters=True))
ERRORS: Final = Errors()
ANSWER_BYTES_MAX: Final = 128_000_000


class QueryService:
    """Answers requests from the database at `url`."""

    def __init__(self, url: str, fill: Callable[[str], Awaitable[None]]) -> None:
        self.url = url
        self._runner = asyncio.Runner()
        self.run(fill(url))
        self._opened = open_store(url, pool_size=4, statement_timeout_s=5)
        self._store = self.run(self._opened.__aenter__())
        self.run(until_up(self._store))

    def close(self) -> None:
        self.run(self._opened.__aexit__(None, None, None))
        self._runner.close()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def get(
        self,
        path: str,
        requester: Requester = NADIA,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        granted: Granted | None = None,
        cache: CachePolicy | None = None,
        limits: Limits | None = None,
    ) -> Response:
        request = routed(path, requester, method=method, headers=headers)
        reads = Reads(
            self._store,
            granted=granted or Granted(),
            accounts=None,
            has_webhooks=True,
            cache=cache or CachePolicy(now_s=lambda: 0),
            errors=ERRORS,
            limits=limits or Limits(),
            answer_bytes_max=ANSWER_BYTES_MAX,
        )
        response = self.run(reads.handle(request))
        assert isinstance(response, Response)
        return response

    def snapshot(self, path: str, requester: Requester, *, bytes_max: int) -> Response:
        """Of a server that tells no more than so many bytes of records."""
        snapshots = Snapshots(self._store, errors=ERRORS, bytes_max=bytes_max)
        response = self.run(snapshots.handle(routed(path, requester)))
        assert isinstance(response, Response)
        return response

    def data(self, path: str, requester: Requester = NADIA, **options: Any) -> list[dict[str, Any]]:
        """The objects of a list."""
        response = self.get(path, requester, **options)
        assert response.status == 200, response.body
        data: list[dict[str, Any]] = json_of(response)["data"]
        return data

    def ids(self, path: str, requester: Requester = NADIA, **options: Any) -> list[str]:
        return [one["id"] for one in self.data(path, requester, **options)]


@contextmanager
def query_service(stack: Stack, fill: Callable[[str], Awaitable[None]]) -> Generator[QueryService]:
    """The service on a new database, which `fill` is given the URL of."""
    with new_database(stack) as url:
        service = QueryService(url, fill)
        yield service
        service.close()


def routed(
    path: str,
    requester: Requester,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A request as the pipeline hands it on."""
    url = urlsplit(path)
    target = ROUTES.match(url.path)
    assert isinstance(target, Target), path
    return Request(
        method=method,
        raw_path=url.path,
        raw_query=url.query,
        headers=CIMultiDict(headers or {}),
        base_url=ORIGIN,
        id="r1",
        target=target,
        requester=requester,
    )


async def until_up(store: Store) -> None:
    async with asyncio.timeout(30):
        while not await store.is_up():  # noqa: ASYNC110 - Postgres sets no event
            await asyncio.sleep(0.01)


def json_of(response: Response) -> Any:
    return orjson.loads(response.body or b"null")


def told(response: Response) -> tuple[int, int]:
    """Status and errno."""
    return response.status, json_of(response)["errno"]
