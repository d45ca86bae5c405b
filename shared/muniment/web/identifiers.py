"""Ids that the server makes: of objects (contract section 1.1) and of requests."""

import re
import secrets
import string
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from uuid_utils import uuid4

from muniment.domain.addresses import Kind

_FIRST: Final = string.ascii_letters + string.digits
_LATER: Final = _FIRST + "_-"
LATER_CHARS: Final = 7

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,127}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def make_object_id(kind: Kind) -> str:
    """A UUID v4 for records, 8 characters for all else."""
    if kind is Kind.RECORD:
        return str(uuid4())
    return secrets.choice(_FIRST) + "".join(secrets.choice(_LATER) for _ in range(LATER_CHARS))


def id_of_digest(digest: str) -> str:
    """The 8 characters that a UUID stands for: always the same for the same one."""
    number = UUID(digest).int
    number, first = divmod(number, len(_FIRST))
    later: list[str] = []
    while len(later) < LATER_CHARS:
        number, at = divmod(number, len(_LATER))
        later.append(_LATER[at])
    return _FIRST[first] + "".join(later)


def request_id(headers: Mapping[str, str]) -> str:
    """The `X-Request-Id` that came, where it is harmless, else a new one."""
    given = headers.get("X-Request-Id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return uuid4().hex


def traceparent(headers: Mapping[str, str]) -> str | None:
    """The W3C trace context that came, if it is one."""
    given = headers.get("traceparent")
    return given if given is not None and _TRACEPARENT.fullmatch(given) else None
