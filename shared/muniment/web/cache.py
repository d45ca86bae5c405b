"""How long answers may be kept (contract section 13)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from muniment.domain.addresses import BucketId, CollectionId, Kind
from muniment.web.conditions import http_date

UNCACHED: Final[Mapping[str, str]] = {"Cache-Control": "no-cache, no-store"}
"""What objects and lists say by default (CACHE-1)."""

AGE_S_MAX: Final = 10 * 365 * 86_400


def expiry_headers(age_s: int, now_s: float, *, is_private: bool = False) -> dict[str, str]:
    """`Cache-Control` and `Expires` for an age in seconds; 0 says never to keep it."""
    age_s = min(age_s, AGE_S_MAX)
    expires = http_date(int(now_s) + age_s)
    if age_s == 0:
        return {
            "Cache-Control": "max-age=0, must-revalidate, no-cache, no-store",
            "Expires": expires,
            "Pragma": "no-cache",
        }
    shared = "private, " if is_private else ""
    return {"Cache-Control": f"{shared}max-age={age_s}", "Expires": expires}


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """The settings of cache headers."""

    age_s_by_kind: Mapping[Kind, int] = field(default_factory=dict[Kind, int])
    """`<type>_cache_expires_seconds`."""
    record_age_s_by_parent: Mapping[str, int] = field(default_factory=dict[str, int])
    """By `<bucket>` or `<bucket>.<collection>`; the more specific one wins (CACHE-4)."""
    is_for_authenticated: bool = True
    """Whether a collection's `cache_expires` is told to authenticated readers too (CACHE-3)."""
    now_s: Callable[[], float] = time.time

    def headers(
        self,
        kind: Kind,
        *,
        is_anonymous: bool,
        bucket_id: BucketId | None = None,
        collection_id: CollectionId | None = None,
        cache_expires_s: int | None = None,
    ) -> Mapping[str, str]:
        """For a 200 of GET or HEAD; `cache_expires_s` is the field of the records' collection."""
        ages = [cache_expires_s] if is_anonymous or self.is_for_authenticated else []
        if is_anonymous:
            ages.append(self._age_by_setting(kind, bucket_id, collection_id))
        told = [age for age in ages if age is not None and age >= 0]
        if not told:
            return UNCACHED
        return expiry_headers(max(told), self.now_s(), is_private=not is_anonymous)

    def _age_by_setting(
        self, kind: Kind, bucket_id: BucketId | None, collection_id: CollectionId | None
    ) -> int | None:
        if kind is Kind.RECORD:
            for parent in (f"{bucket_id}.{collection_id}", f"{bucket_id}"):
                if parent in self.record_age_s_by_parent:
                    return self.record_age_s_by_parent[parent]
        return self.age_s_by_kind.get(kind)
