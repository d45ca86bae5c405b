"""JSON Merge Patch (RFC 7396): applied, and made from what was and what became."""

from collections.abc import Mapping

from muniment.domain.values import JsonObject, JsonValue


def merged(target: JsonValue, patch: JsonValue) -> JsonValue:
    """The target as RFC 7396 merges the patch into it; both stay as they are."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def difference(before: JsonObject, after: JsonObject) -> JsonObject:
    """The patch that makes the one of the other; a field that became `null` is as if taken away.

    What is gone comes first, then what is new or other, each in its own object's order.
    """
    patch: dict[str, JsonValue] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            patch[name] = value
            continue
        known = before[name]
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            if inner := difference(known, value):
                patch[name] = inner
        elif not same(known, value):
            patch[name] = value
    return patch


def same(first: JsonValue, second: JsonValue) -> bool:
    """Whether both are the same JSON value: `1` is `1.0`, but not `true`."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if first.keys() != second.keys():
            return False
        pairs = [(value, second[name]) for name, value in first.items()]
    elif isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return False
        pairs = list(zip(first, second, strict=True))
    else:
        return first == second
    for one, other in pairs:  # noqa: SIM110  # `all` would take two frames a level.
        if not same(one, other):
            return False
    return True
