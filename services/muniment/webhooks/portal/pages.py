"""The page for those who operate webhooks: three files, the same for everybody.

They hold no data: the page asks for that by the API, with the credentials that are typed into it.
"""

from hashlib import blake2b
from importlib.resources import files
from typing import Final

from muniment.web.endpoints import Endpoint
from muniment.web.errors import unknown_path
from muniment.web.http import Handler, Request, Response

PAGE: Final = "index.html"
TYPES: Final = {
    PAGE: "text/html; charset=utf-8",
    "portal.css": "text/css; charset=utf-8",
    "portal.js": "text/javascript; charset=utf-8",
}


def portal_handlers() -> dict[Endpoint, Handler]:
    """What answers for the page."""
    answers = {name: _File(name) for name in TYPES}

    async def page(request: Request) -> Response:
        return answers[PAGE].answer(request)

    async def part(request: Request) -> Response:
        name = request.target.id or ""
        found = answers.get(name)
        return unknown_path() if found is None or name == PAGE else found.answer(request)

    return {Endpoint.PORTAL: page, Endpoint.PORTAL_PART: part}


class _File:
    """One of the files, read once."""

    def __init__(self, name: str) -> None:
        self._content = (files(__package__ or "") / name).read_bytes()
        digest = blake2b(self._content, digest_size=16).hexdigest()
        # Asked for again each time, and hardly ever sent again: a new version is there at once.
        self._headers = {
            "Content-Type": TYPES[name],
            "ETag": f'"{digest}"',
            "Cache-Control": "no-cache",
        }

    def answer(self, request: Request) -> Response:
        known = request.headers.get("If-None-Match", "")
        if known == "*" or self._headers["ETag"] in known:
            return Response(status=304, headers=dict(self._headers))
        return Response(headers=dict(self._headers), body=self._content)
