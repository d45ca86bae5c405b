"""Redirects of paths that are almost right (RT-1 to RT-5)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from muniment.web.cache import expiry_headers
from muniment.web.http import PREFIX, Request, Response
from muniment.web.routes import Unrouted

_SAFE: Final = "/%!$&'()*+,;=:@~?[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirects:
    """Which redirects are on, and how long they may be kept; -1 says nothing about it."""

    is_version_on: bool = True
    version_ttl_s: int = -1
    is_slash_on: bool = True
    slash_ttl_s: int = 3600
    now_s: Callable[[], float] = time.time

    def answer(self, request: Request, reason: Unrouted) -> Response | None:
        """307 to where the path should have pointed, if that redirect is on."""
        if reason is Unrouted.WITHOUT_VERSION and self.is_version_on:
            return self._redirect(request, f"{PREFIX}{request.raw_path}", self.version_ttl_s)
        if reason is Unrouted.TRAILING_SLASH and self.is_slash_on:
            bare = request.raw_path.rstrip("/")
            path = f"{PREFIX}/" if bare == PREFIX else bare
            return self._redirect(request, path, self.slash_ttl_s)
        return None

    def _redirect(self, request: Request, path: str, ttl_s: int) -> Response:
        if request.method == "OPTIONS":  # Browsers follow no redirect of a preflight (RT-2).
            return Response(body=b"null")
        query = f"?{request.raw_query}" if request.raw_query else ""
        location = request.base_url + quote(path + query, safe=_SAFE, errors="replace")
        headers = {} if ttl_s < 0 else expiry_headers(ttl_s, self.now_s())
        return Response(status=307, headers={"Location": location, **headers})
