"""Which URLs can be called: absolute ones, http or https, with a host and a port that can be."""

from functools import lru_cache
from typing import Final

from yarl import URL

from muniment.domain.values import JsonValue

URL_CHARS_MAX: Final = 2_048


def parse_url(value: JsonValue) -> str | None:
    """The value if deliveries can go there: absolute, http or https, with a host; else `None`."""
    return _parse_url(value) if isinstance(value, str) and len(value) <= URL_CHARS_MAX else None


@lru_cache(maxsize=4_096)
def _parse_url(text: str) -> str | None:
    if any(character <= " " or character == "\x7f" for character in text):
        return None
    try:
        url = to_call(text)
        is_whole = url.scheme in {"http", "https"} and bool(url.host) and url.port is not None
        # Yarl leaves a host that no name can be for the connector to fail on.
        is_name = bool(url.raw_host) and (url.raw_host or "").isascii()
    except ValueError:
        return None
    return text if is_whole and is_name else None


@lru_cache(maxsize=4_096)
def to_call(text: str) -> URL:
    """The URL exactly as it was given; only what is not ASCII is quoted."""
    return URL(text, encoded=text.isascii())
