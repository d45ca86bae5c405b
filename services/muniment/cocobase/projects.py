"""Whose key a call carries: the project, which is a bucket (contract sections 1 and 13)."""

from dataclasses import dataclass
from typing import Final

import asyncpg
import orjson

from muniment.cocobase.errors import CocoBaseError, unauthorized
from muniment.domain.commands import Requester, authenticated
from muniment.keys.principals import project_of
from muniment.keys.side import Keys
from muniment.web.http import Request

HEADER: Final = "x-api-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project that a call is about, and who asks."""

    bucket_id: str
    requester: Requester
    origin: str | None
    """Of the browser's page that asks."""

    def check(self, row: asyncpg.Record) -> None:
        """Raises `CocoBaseError` unless the project is there and lets the caller in.

        `row` has `is_there`, `is_allowed` and `origins` of the bucket.
        """
        if not row["is_there"]:
            raise unauthorized("The project of this API key does not exist.")
        if not row["is_allowed"]:
            raise CocoBaseError(403, "The API key has no right to its project.")
        origins = None if row["origins"] is None else orjson.loads(row["origins"])
        if self.origin and isinstance(origins, list) and origins and self.origin not in origins:
            raise CocoBaseError(403, "Origin not allowed for this project.")


class Projects:
    """Finds the project of a call."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def of(self, request: Request) -> Project:
        """The project whose key the request carries; raises `CocoBaseError` (401).

        The request's requester is its principal from then on.
        """
        project = await self.of_key(
            request.headers.get(HEADER, ""), origin=request.headers.get("Origin")
        )
        request.requester = project.requester
        return project

    async def of_key(self, key: str, *, origin: str | None) -> Project:
        """The project of a key; raises `CocoBaseError` (401)."""
        text = key.strip()
        if not text:
            raise unauthorized("The API key is missing or empty.")
        principal = await self._keys.principal_of(text)
        bucket_id = None if principal is None else project_of(principal)
        if principal is None or bucket_id is None:
            raise unauthorized("Invalid API key.")
        return Project(bucket_id=bucket_id, requester=authenticated(principal), origin=origin)
