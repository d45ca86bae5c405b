"""Documents: records as their user's own objects, whatever the fields are called.

A record has fields of the server's (`ENVELOPE`). Where the user's object has such a field too,
that one is kept apart (`Snapshot.hidden`): `/v1` shows the server's, a document the user's.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from muniment.domain.commands import DocumentPatch
from muniment.domain.events import Snapshot
from muniment.domain.merging import same
from muniment.domain.patches import Patched
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue

ENVELOPE: Final = ("id", "last_modified", "schema", "deleted")
"""Fields that `/v1` gives a meaning: a user's of these names are kept apart."""

_SERVERS_OWN: Final = ("id", "last_modified", "schema")
"""Those that a record may have from the server; `deleted` is in tombstones alone."""

REMOVE: Final = "$remove"
APPEND: Final = "$append"


class Parts(NamedTuple):
    """A document as it is stored."""

    data: JsonObject
    hidden: JsonObject | None


def parts_of(document: JsonObject) -> Parts:
    """What of the user's object `/v1` shows, and what is kept apart; for `Body(data=, hidden=)`."""
    data = {name: value for name, value in document.items() if name not in ENVELOPE}
    hidden = {name: document[name] for name in ENVELOPE if name in document}
    return Parts(data, hidden or None)


def document_of(data: JsonObject, hidden: JsonObject | None) -> JsonObject:
    """The user's object, from a record's `data` and `hidden`."""
    own = {name: value for name, value in data.items() if name not in _SERVERS_OWN}
    return {**own, **(hidden or {})}


def parse_document_patch(given: JsonObject) -> DocumentPatch | Fault:
    """The patch that a client sent: fields, and `$remove` and `$append` from field to items."""
    lists: dict[str, Mapping[str, Sequence[JsonValue]]] = {}
    for name in (REMOVE, APPEND):
        fields = given.get(name, {})
        if not isinstance(fields, Mapping):
            return Fault(location="body", name=name, description="Input should be an object")
        lists[name] = {field: _items(value) for field, value in fields.items()}
    return DocumentPatch(
        fields={name: value for name, value in given.items() if name not in lists},
        remove=lists[REMOVE],
        append=lists[APPEND],
    )


def apply_to_document(target: Snapshot, patch: DocumentPatch) -> Patched:
    """What the record becomes; fields replace whole, and `null` is a value (CocoBase section 5)."""
    document = dict(document_of(target.data, target.hidden))
    for name, items in patch.remove.items():
        held = document.get(name)
        if isinstance(held, list | tuple):
            document[name] = [each for each in held if not _is_among(each, items)]
    for name, items in patch.append.items():
        document[name] = _appended(document, name, items)
    data, hidden = parts_of({**document, **patch.fields})
    own = {name: target.data[name] for name in _SERVERS_OWN if name in target.data}
    return Patched(data={**data, **own}, permissions=target.permissions, hidden=hidden)


def _appended(document: JsonObject, name: str, items: Sequence[JsonValue]) -> list[JsonValue]:
    result: list[JsonValue] = [*_items(document[name])] if name in document else []
    for item in items:
        if not _is_among(item, result):
            result.append(item)
    return result


def _items(value: JsonValue) -> Sequence[JsonValue]:
    """A list is its items, anything else is one."""
    return value if isinstance(value, list | tuple) else [value]


def _is_among(value: JsonValue, items: Sequence[JsonValue]) -> bool:
    return any(same(value, each) for each in items)
