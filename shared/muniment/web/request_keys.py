"""`Idempotency-Key`: the name that a client gives a write, so that it can send it again safely.

A key belongs to who sent it and to what was asked first under it.
"""

import re
from hashlib import blake2b
from typing import Final
from uuid import UUID

from muniment.domain.events import RequestKey
from muniment.domain.refusals import Fault
from muniment.web.http import Request, Response

HEADER: Final = "Idempotency-Key"
CHARS_MAX: Final = 512

REPLAYED: Final = "Idempotent-Replayed"
"""In the answer to a write that was made before under its key."""

_OF_BATCH: Final = re.compile(r"(.*)#[0-9]{1,3}")
_SAYS_WHAT_IS_ASKED: Final = ("Content-Type", "If-Match", "If-None-Match")
_DIGEST_BYTES: Final = 16


def read_request_key(request: Request) -> tuple[RequestKey | None, tuple[Fault, ...]]:
    """The key, if the request has one, and what is wrong with it."""
    given = request.headers.get(HEADER)
    if given is None:
        return None, ()
    of_batch = _OF_BATCH.fullmatch(given)
    chosen = of_batch[1] if of_batch else given
    if not given or len(chosen) > CHARS_MAX or not (given.isascii() and given.isprintable()):
        description = f"The value should be 1 to {CHARS_MAX} printable characters of ASCII."
        return None, (Fault(location="header", name=HEADER, description=description),)
    told = (request.headers.get(name, "") for name in _SAYS_WHAT_IS_ASKED)
    asked = (request.method, request.raw_path, request.raw_query, *told)
    user_id = request.requester.user_id or ""
    key = RequestKey(
        id=_digest(user_id, given),
        batch=_digest(user_id, chosen) if of_batch else None,
        # The same as `{}` is no body (MT-5), and a batch that is sent on has one for the other.
        request=_digest(*asked, body=b"" if request.body == b"{}" else request.body),
    )
    return key, ()


def key_within(key: str, index: int) -> str:
    """The key of one request of a batch that has a key."""
    return f"{key}#{index}"


def replayed(response: Response) -> Response:
    """The answer, marked as one that was given before."""
    response.headers[REPLAYED] = "true"
    return response


def _digest(*parts: str, body: bytes = b"") -> str:
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return str(UUID(bytes=blake2b(text + b"\0" + body, digest_size=_DIGEST_BYTES).digest()))
