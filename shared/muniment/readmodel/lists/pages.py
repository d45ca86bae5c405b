"""Tokens of pages: where the page before ended, opaque to clients, and never believed (QP-3)."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

import asyncpg
import orjson

from muniment.domain.queries.selection import (
    ID,
    LAST_MODIFIED,
    Sort,
    SortValue,
)
from muniment.domain.queries.values import has_nul, is_too_deep
from muniment.domain.values import JsonValue, Timestamp

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+")
_BIGINT_MAX: Final = 2**63 - 1
_KEYS: Final = {"sort", "last", "nonce", "begun_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a token says: the sort values of the last object, and one of two marks."""

    values: Sequence[SortValue]
    nonce: str | None = None
    """The bulk delete's."""
    begun_at: Timestamp | None = None
    """The list's timestamp when its first page was read."""


def write_token(
    order: Sequence[Sort],
    values: bytes,
    *,
    nonce: str | None = None,
    begun_at: Timestamp | None = None,
) -> str:
    """The token for the page after the object with these sort values, a JSON array in text."""
    marks = b"" if nonce is None else b',"nonce":' + orjson.dumps(nonce)
    marks += b"" if begun_at is None else b',"begun_at":' + orjson.dumps(begun_at)
    text = b'{"sort":' + orjson.dumps(_order_text(order)) + b',"last":' + values + marks + b"}"
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def token_after(
    rows: Sequence[asyncpg.Record], shown: int, order: Sequence[Sort], *, nonce: str | None
) -> str | None:
    """The token for the next page, where more rows were found than the page shows."""
    if len(rows) <= shown:
        return None
    last = str(rows[shown - 1]["sort_values"]).encode()
    return write_token(order, last, nonce=nonce)


def read_token(token: str, order: Sequence[Sort]) -> Place | None:
    """What the token says, or `None` when it was not written here, or for another order."""
    content = _decode(token)
    if not isinstance(content, dict) or not content.keys() <= _KEYS:
        return None
    last, nonce, begun_at = content.get("last"), content.get("nonce"), content.get("begun_at")
    if content.get("sort") != _order_text(order) or not isinstance(last, list):
        return None
    if not (nonce is None or isinstance(nonce, str)) or len(last) != len(order):
        return None
    if not all(_fits(value, sort) for value, sort in zip(last, order, strict=True)):
        return None
    if begun_at is None:
        return Place(values=last, nonce=nonce)
    if not _is_timestamp(begun_at):
        return None
    return Place(values=last, nonce=nonce, begun_at=Timestamp(begun_at))


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
        return _is_timestamp(value)
    return value is None or (isinstance(value, list) and len(value) == 1)


def _is_timestamp(value: JsonValue) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _BIGINT_MAX
