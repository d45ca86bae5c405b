"""Facts about a generated case that the hooks ask for."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TypeAlias, cast

from schemathesis import Case
from schemathesis.generation.meta import TestPhase

AnyCase: TypeAlias = Case[Any]

WRITES: Final = frozenset({"POST", "PUT", "PATCH"})


def is_negative(case: AnyCase) -> bool:
    """Whether it breaks the document on purpose."""
    return case.meta is not None and case.meta.generation.mode.is_negative


def is_in_a_chain(case: AnyCase) -> bool:
    """Whether earlier operations handed on the ids of what they made."""
    return case.meta is not None and case.meta.phase.name is TestPhase.STATEFUL


_WITHOUT_REVISIONS: Final = (
    "snapshot",
    *(f"}}/{part}" for part in ("status", "attempts", "events", "messages", "replays")),
)
"""What has none: a past state, and what is seen of a webhook's deliveries."""


def has_revisions(case: AnyCase) -> bool:
    """Whether answers have an `ETag`, and preconditions are read."""
    is_of_resource = case.path.startswith(("/buckets", "/accounts"))
    return is_of_resource and not any(part in case.path for part in _WITHOUT_REVISIONS)


def is_filtered(case: AnyCase) -> bool:
    """Whether the query string is read whole."""
    is_list = not case.path.endswith(("}", "/secrets"))
    return has_revisions(case) and is_list and case.method in ("GET", "DELETE")


def headers_of(case: AnyCase) -> MutableMapping[str, str]:
    return cast("MutableMapping[str, str]", cast("Any", case).headers)


def query_of(case: AnyCase) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", cast("Any", case).query or {})


def members(case: AnyCase, name: str) -> dict[str, Any]:
    """A member of the body that is an object; empty where it is none."""
    body = cast("dict[str, Any]", case.body) if isinstance(case.body, dict) else {}
    found = body.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
