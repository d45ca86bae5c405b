"""JSON values as the core sees them: read, never changed in place."""

from collections.abc import Mapping, Sequence
from typing import NewType, TypeAlias

JsonValue: TypeAlias = (
    bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
)
JsonObject: TypeAlias = Mapping[str, JsonValue]

Principal = NewType("Principal", str)
"""A user id (`account:nadia`), a group's URI, `system.Authenticated` or `system.Everyone`."""

Permissions: TypeAlias = Mapping[str, frozenset[Principal]]
"""Permission name to the principals who hold it; a name without principals is left out."""

Timestamp = NewType("Timestamp", int)
"""Milliseconds since the epoch, UTC: a revision number that only grows within a timeline."""

Uid = NewType("Uid", str)
"""One life of a bucket or collection (a UUID in text): deleted and made again is another one."""

EVERYONE = Principal("system.Everyone")
AUTHENTICATED = Principal("system.Authenticated")

ON_BEHALF = Principal("system.OnBehalf")
"""Speaks for a request that was judged before, by the rules of another API or as an
administrator's: it may do what it orders, and no ACE is added for its user."""
