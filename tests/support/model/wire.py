"""Sends the model's requests over HTTP, as the users that it knows."""

import base64
import http.client
import json
import time
from typing import Any, Final
from urllib.parse import quote, urlencode

from tests.support.model.messages import ABSENT, Answer, Request

TIMEOUT_S: Final = 60.0
IDLE_MAX_S: Final = 10.0


class Wire:
    """One connection for all; `passwords` are those of the users by name."""

    def __init__(self, port: int, passwords: dict[str, str]) -> None:
        self._port = port
        self._credentials = {
            name: base64.b64encode(f"{name}:{password}".encode()).decode()
            for name, password in passwords.items()
        }
        self._connection = self._open()
        self._used_at = 0.0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __call__(self, request: Request) -> Answer:
        headers = dict(request.headers)
        if request.user is not None:
            headers["Authorization"] = f"Basic {self._credentials[request.user]}"
        body = None if request.body == ABSENT else json.dumps(request.body).encode()
        response = self._send(request.method, target(request), body, headers)
        text = response.read()
        lowered = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, lowered, _parsed(text))

    def close(self) -> None:
        self._connection.close()

    def _send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        if time.monotonic() - self._used_at > IDLE_MAX_S:  # The server may have closed it.
            self._connection.close()
            self._connection = self._open()
        self._connection.request(method, path, body, headers)
        self._used_at = time.monotonic()
        return self._connection.getresponse()

    def _open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)


def target(request: Request) -> str:
    """Path and query as they are sent."""
    query = f"?{urlencode(request.query)}" if request.query else ""
    return f"/v1{quote(request.path)}{query}"


def curl(request: Request) -> str:
    """The request in one line, for people."""
    headers = " ".join(f"{name}: {value}" for name, value in request.headers.items())
    body = "" if request.body == ABSENT else json.dumps(request.body)
    parts = [request.user or "anonymous", request.method, target(request), headers, body]
    return " ".join(part for part in parts if part)


def _parsed(text: bytes) -> Any:
    return json.loads(text) if text else ""
