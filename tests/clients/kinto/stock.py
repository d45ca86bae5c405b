"""PyPI `kinto-http`, both of its clients, for tests that speak as its users do."""

import asyncio
import inspect
from typing import Any

import kinto_http


class Awaited:
    """The asynchronous client with its answers waited for."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not inspect.iscoroutinefunction(found):
            return found

        def wait_for(*args: Any, **given: Any) -> Any:
            return self._loop.run_until_complete(found(*args, **given))

        return wait_for


def user_id(client: Any) -> str:
    return str(plain(client).server_info()["user"]["id"])


def stranger(client: Any, auth: tuple[str, str] | None = ("omar", "password")) -> Any:
    """Someone else, or nobody, at the same collection."""
    return kinto_http.Client(
        server_url=client.session.server_url,
        auth=auth,
        bucket=client.bucket_name,
        collection=client.collection_name,
    )


def plain(client: Any) -> Any:
    """The plain client of the same user, for what the asynchronous one does not offer."""
    return kinto_http.Client(
        session=client.session, bucket=client.bucket_name, collection=client.collection_name
    )


def headers(client: Any, method: str, name: str, **given: Any) -> Any:
    """The headers of an endpoint of the client's, with names in any case."""
    _, found = client.session.request(method, endpoint(client, name), **given)
    return found


def endpoint(client: Any, name: str) -> str:
    return str(plain(client).get_endpoint(name))
