"""Tokens of pages: where the page before ended, opaque to clients, and never believed (QP-3)."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from muniment.domain.queries.selection import ID, LAST_MODIFIED, Sort, SortValue
from muniment.domain.queries.values import has_nul, is_too_deep
from muniment.domain.values import JsonValue

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+")
_BIGINT_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a token says: the sort values of the last object, and the bulk delete's mark."""

    values: Sequence[SortValue]
    nonce: str | None = None


def write_token(order: Sequence[Sort], values: bytes, *, nonce: str | None = None) -> str:
    """The token for the page after the object with these sort values, a JSON array in text."""
    mark = b"" if nonce is None else b',"nonce":' + orjson.dumps(nonce)
    text = b'{"sort":' + orjson.dumps(_order_text(order)) + b',"last":' + values + mark + b"}"
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def read_token(token: str, order: Sequence[Sort]) -> Place | None:
    """What the token says, or `None` when it was not written here, or for another order."""
    content = _decode(token)
    if not isinstance(content, dict) or not content.keys() <= {"sort", "last", "nonce"}:
        return None
    last, nonce = content.get("last"), content.get("nonce")
    if content.get("sort") != _order_text(order) or not isinstance(last, list):
        return None
    if not (nonce is None or isinstance(nonce, str)) or len(last) != len(order):
        return None
    if not all(_fits(value, sort) for value, sort in zip(last, order, strict=True)):
        return None
    return Place(values=last, nonce=nonce)


def _order_text(order: Sequence[Sort]) -> str:
    return ",".join(sort.text for sort in order)


def _decode(token: str) -> JsonValue:
    if not _ALPHABET.fullmatch(token):
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        content: JsonValue = orjson.loads(text)
    except (binascii.Error, orjson.JSONDecodeError):
        return None
    return content


def _fits(value: JsonValue, sort: Sort) -> bool:
    if has_nul(value) or is_too_deep(value):
        return False
    if sort.path == ID:
        return isinstance(value, str)
    if sort.path == LAST_MODIFIED:
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return 0 <= value <= _BIGINT_MAX
    return value is None or (isinstance(value, list) and len(value) == 1)
