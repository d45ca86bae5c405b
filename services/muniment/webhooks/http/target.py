"""A URL as the client uses it: where it leads, and the beginning of each request to it."""

from base64 import b64encode
from functools import lru_cache
from typing import NamedTuple

from muniment.domain.webhooks.urls import Destination, destination_of


class Target(NamedTuple):
    """A URL that can be called."""

    destination: Destination
    origin: str
    """Scheme, host and port: what a connection leads to."""
    head: bytes
    """Request line, `Host` and, of a URL with credentials, `Authorization`."""


@lru_cache(maxsize=4_096)
def target_of(url: str) -> Target | None:
    """The URL as a target; `None` for what can't be called."""
    destination = destination_of(url)
    if destination is None:
        return None
    authorization = ""
    if destination.credentials is not None:
        pair = ":".join(destination.credentials).encode()
        authorization = f"Authorization: Basic {b64encode(pair).decode('ascii')}\r\n"
    line, host = f"POST {destination.path} HTTP/1.1\r\n", f"Host: {destination.authority}\r\n"
    return Target(destination, destination.origin, f"{line}{host}{authorization}".encode("ascii"))


def shown(url: str) -> str:
    """A URL for logs: path, query and credentials may be secrets."""
    destination = destination_of(url)
    return "(no URL)" if destination is None else destination.origin
