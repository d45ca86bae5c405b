"""Which events a webhook wants: by type, by the ids of what changed, and by what it became."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from muniment.domain.addresses import Address, Kind
from muniment.domain.events import Action, ObjectChanged, Report
from muniment.domain.webhooks.filters import StateFilter

OPERATIONAL_TYPES: Final = tuple(f"{Kind.WEBHOOK}.{report}" for report in Report)
"""What the deliveries themselves tell: nothing but its type keeps such an event from a webhook."""

EVENT_TYPES: Final = (
    *(f"{kind}.{action}" for kind in Kind for action in Action),
    *OPERATIONAL_TYPES,
)
"""All types of events that there are."""

ANY: Final = "*"
_GLOB_STAR: Final = re.compile(r"\*+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is asked of an event; each of the parts must agree to it."""

    types: frozenset[str]
    """The exact types, out of `EVENT_TYPES`."""
    collections: tuple[str, ...] | None = None
    """Globs on collection ids, for events of records and collections; `None` for all."""
    records: tuple[str, ...] | None = None
    """Globs on record ids, for events of records; `None` for all."""
    filter: StateFilter | None = None
    """What the object's state must be, and have been."""

    def wants(self, event: ObjectChanged) -> bool:
        """Whether the event is to be told; events are those of the webhook's own bucket."""
        kind_and_action = event.type
        if kind_and_action not in self.types:
            return False
        if kind_and_action in OPERATIONAL_TYPES:
            return True
        return self._wants_object(event.address) and self._wants_state(event)

    def _wants_object(self, address: Address) -> bool:
        match address.kind:
            case Kind.RECORD:
                collection_id = address.collection_id or ""
                return _is_one_of(collection_id, self.collections) and _is_one_of(
                    address.id, self.records
                )
            case Kind.COLLECTION:
                return _is_one_of(address.id, self.collections)
            case _:
                return True

    def _wants_state(self, event: ObjectChanged) -> bool:
        if self.filter is None:
            return True
        before = None if event.before is None else event.before.data
        return self.filter.passes(event.after.data, before)


def types_matching(patterns: Iterable[str]) -> frozenset[str]:
    """The types that exact names (`record.created`) and prefixes (`record.*`, `*`) stand for."""
    return frozenset[str]().union(*map(_types_of, patterns))


def is_type_pattern(pattern: str) -> bool:
    """Whether the text stands for at least one type."""
    return bool(_types_of(pattern))


def matches_glob(text: str, glob: str) -> bool:
    """Whether the whole text is as the glob says: `*` is any run, `?` any one character."""
    return _compiled(glob).fullmatch(text) is not None


def _types_of(pattern: str) -> frozenset[str]:
    if pattern == ANY:
        return frozenset(EVENT_TYPES)
    kind, _, action = pattern.partition(".")
    if action == ANY:
        return frozenset(name for name in EVENT_TYPES if name.startswith(f"{kind}."))
    return frozenset({pattern}).intersection(EVENT_TYPES)


def _is_one_of(text: str, globs: Sequence[str] | None) -> bool:
    return globs is None or any(matches_glob(text, glob) for glob in globs)


@lru_cache(maxsize=4_096)
def _compiled(glob: str) -> re.Pattern[str]:
    first, *others = (_piece(piece) for piece in _GLOB_STAR.split(glob))
    if not others:
        return re.compile(first, re.DOTALL)
    # A piece is taken where it is first found, for good: so no glob costs more than its length.
    middle = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    return re.compile(f"{first}{middle}.*{others[-1]}", re.DOTALL)


def _piece(text: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in text)
