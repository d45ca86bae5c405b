"""What the client accepts and what it sends (contract section 2.4)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from muniment.domain.refusals import Fault
from muniment.web.errors import invalid
from muniment.web.http import JSON_TYPE, Response

MERGE_PATCH_TYPE: Final = "application/merge-patch+json"
JSON_PATCH_TYPE: Final = "application/json-patch+json"

_CONTENT_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "POST": (JSON_TYPE,),
    "PUT": (JSON_TYPE,),
    "PATCH": (JSON_TYPE, MERGE_PATCH_TYPE, JSON_PATCH_TYPE),
}

_PLAIN_ACCEPTS: Final = frozenset({None, "*/*", JSON_TYPE})
_RANGES: Final = (JSON_TYPE, "application/*", "*/*")


def refuse_media(method: str, headers: Mapping[str, str]) -> Response | None:
    """406 or 415 for a resource endpoint, before anything else is judged (MT-1 to MT-4)."""
    accept = headers.get("Accept")
    if accept not in _PLAIN_ACCEPTS and not _accepts_json(accept or ""):
        return _refused(406, "Accept", (JSON_TYPE,))
    return refuse_content_type(method, headers)


def refuse_content_type(method: str, headers: Mapping[str, str]) -> Response | None:
    """415 for a body that is no JSON by its header (MT-2, MT-3)."""
    known = _CONTENT_TYPES.get(method)
    if known is None or content_type(headers) in known:
        return None
    return _refused(415, "Content-Type", known)


def content_type(headers: Mapping[str, str]) -> str:
    """The media type of the body without its parameters; none given is JSON (MT-2, MT-3)."""
    given = headers.get("Content-Type")
    if given is None or given == JSON_TYPE:
        return JSON_TYPE
    return given.partition(";")[0].strip().lower() or JSON_TYPE


@lru_cache(maxsize=256)
def _accepts_json(accept: str) -> bool:
    if not accept.strip():
        return True
    admitted = dict(_read_range(item) for item in accept.split(","))
    specific_first = (admitted[name] for name in _RANGES if name in admitted)
    return next(specific_first, False)


def _read_range(item: str) -> tuple[str, bool]:
    """A media range, and whether it is wanted at all."""
    media_range, *parameters = (part.strip().lower() for part in item.split(";"))
    return media_range, not any(_is_zero(parameter) for parameter in parameters)


def _is_zero(parameter: str) -> bool:
    """Whether it is `q=0`, in any of its spellings."""
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().strip("0") in ("", ".")


def _refused(status: int, header: str, types: tuple[str, ...]) -> Response:
    description = f"{header} header should be one of {list(types)!r}"
    fault = Fault(location="header", name=header, description=description)
    return invalid((fault,), status=status)
