"""What answers to reads of objects and of lists have in common."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import asyncpg
import orjson

from muniment.domain.permissions import NO_PERMISSIONS, Acls, parse_permissions
from muniment.domain.values import Permissions, Timestamp
from muniment.web.cache import CachePolicy
from muniment.web.conditions import revision_headers
from muniment.web.http import Request

_ACLS_CACHED_MAX: Final = 4096
_ACL_CACHED_BYTES_MAX: Final = 2048
"""Longer ones are parsed each time, so that the cache stays small."""


def permissions_of(stored: bytes | None) -> Permissions:
    """The ACEs from a row; none where there is no object."""
    if stored is None:
        return NO_PERMISSIONS
    return _parse(stored) if len(stored) > _ACL_CACHED_BYTES_MAX else _parse_cached(stored)


def parents_of(row: asyncpg.Record) -> Acls:
    """The ACEs of the objects above."""
    return Acls(
        bucket=permissions_of(row["bucket_permissions"]),
        collection=permissions_of(row["collection_permissions"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """The headers of a 200."""

    policy: CachePolicy

    def of(self, request: Request, at: Timestamp, cache_expires: bytes | None) -> dict[str, str]:
        """`ETag`, `Last-Modified`, and for how long the answer may be kept."""
        target = request.target
        kind = target.kind
        assert kind is not None  # noqa: S101 - resources have one
        headers = revision_headers(at)
        headers.update(
            self.policy.headers(
                kind,
                is_anonymous=request.requester.is_anonymous,
                bucket_id=target.bucket_id,
                collection_id=target.collection_id,
                cache_expires_s=_seconds(cache_expires),
            )
        )
        return headers


def _seconds(stored: bytes | None) -> int | None:
    """The collection's `cache_expires`, an integer wherever it was checked when it was written."""
    return int(stored) if stored is not None and stored.isdigit() else None


def _parse(stored: bytes) -> Permissions:
    return parse_permissions(orjson.loads(stored))


_parse_cached: Final = lru_cache(maxsize=_ACLS_CACHED_MAX)(_parse)
