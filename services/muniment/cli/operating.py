"""Asks a running server for what administrators may: as the operator, or as an administrator.

The operator has the deployment's secret key, from `MUNIMENT_SECRET_KEY` or the data folder, and
signs with it; so no account is needed.
"""

import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table
from yarl import URL

from muniment.runtime.errors import ConfigurationError, DependencyUnreachable, UserError
from muniment.runtime.settings import Settings
from muniment.web.operator_requests import operator_headers
from muniment.web.webhook_orders import InternalKey

TIMEOUT_S: Final = 60.0
FIRST_REFUSAL: Final = 300


class Refused(UserError):
    """The server said no; the message says why."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who asks, and whom."""

    settings: Settings
    server: str | None = None
    """Without `/v1`; unset: this machine, at the port of the settings."""
    user: str | None = None
    """An administrator's name, for Basic credentials; unset: the operator."""

    @property
    def origin(self) -> str:
        given = self.server or f"http://127.0.0.1:{self.settings.http_port}"
        return given.rstrip("/").removesuffix("/v1")

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The `data` of the answer. Raises `Refused` and `DependencyUnreachable`."""
        content = b"" if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"}
        auth = self._credentials()
        if auth is None:
            key = InternalKey.of(self.settings)
            headers |= operator_headers(key, method, path, content)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(auth=auth, timeout=timeout) as session,
                session.request(
                    method,
                    self._url(path),
                    data=content or None,
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                status, content = answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DependencyUnreachable(
                f"{self.origin} does not answer ({error}): start it, or name it by --server."
            ) from error
        if status >= FIRST_REFUSAL:
            raise Refused(f"{self.origin} refuses ({status}): {self._reason(status, content)}")
        return orjson.loads(content)["data"]

    def _url(self, path: str) -> URL:
        """What is sent is what is signed: a path is quoted by who asks."""
        try:
            return URL(f"{self.origin}{path}", encoded=True)
        except ValueError as error:
            raise ConfigurationError(f"--server {self.origin} is no URL: {error}.") from error

    def _credentials(self) -> aiohttp.BasicAuth | None:
        return None if self.user is None else basic_credentials(self.user)

    def _reason(self, status: int, content: bytes) -> str:
        if status == HTTPStatus.UNAUTHORIZED and self.user is None:
            return (
                "its secret key is another one; give its --data-dir or MUNIMENT_SECRET_KEY, "
                "or ask as an administrator by --user."
            )
        return reason_of(content)


def basic_credentials(user: str) -> aiohttp.BasicAuth:
    """With the password of MUNIMENT_PASSWORD, or the one that is typed."""
    password = os.environ.get("MUNIMENT_PASSWORD")
    if password is None and sys.stdin.isatty():
        password = getpass.getpass(f"Password of {user}: ")
    return aiohttp.BasicAuth(user, password or "", encoding="utf-8")


def reason_of(content: bytes) -> str:
    """Why a request was refused, as the answer's body says."""
    try:
        found = orjson.loads(content)
        return str(found.get("message") or found.get("error") or found)
    except (orjson.JSONDecodeError, AttributeError):
        return content[:200].decode("utf-8", "replace")


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], output: str) -> None:
    """Print rows as a table of the columns, or whole as JSON."""
    if output == "json":
        print(orjson.dumps(list(rows), option=orjson.OPT_INDENT_2).decode())
        return
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    Console(soft_wrap=True, highlight=False, markup=False).print(table)


def show_one(row: Mapping[str, Any], output: str) -> None:
    """Print one thing: a line for each fact, or JSON."""
    if output == "json":
        print(orjson.dumps(row, option=orjson.OPT_INDENT_2).decode())
        return
    width = max(map(len, row))
    for name, value in row.items():
        print(f"{name:<{width}}  {_text(value)}")


def _text(value: Any) -> str:
    return "" if value is None else str(value)
