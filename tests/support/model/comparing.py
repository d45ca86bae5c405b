"""Holds an answer against the one that is expected."""

from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

from tests.support.model.messages import ABSENT, Answer, Expected, Request, item_answer
from tests.support.model.order import same
from tests.support.model.world import Data, is_array, is_object


def differences(request: Request, expected: Expected, answer: Answer) -> list[str]:
    """What of the answer is not as expected, in sentences."""
    if expected.items is not None and answer.status == expected.status:
        return _differences_of_items(expected.items, answer)
    found: list[str] = []

    def hold(what: str, wanted: Any, got: Any) -> None:
        if not same(wanted, got):
            found.append(f"{what}: expected {wanted!r}, got {got!r}")

    hold("status", expected.status, answer.status)
    if isinstance(expected.etag, int):
        hold("ETag", f'"{expected.etag}"', answer.headers.get("etag"))
        date = formatdate(expected.etag // 1000, usegmt=True)
        hold("Last-Modified", date, answer.headers.get("last-modified"))
    for name, value in expected.headers.items():
        hold(name, _directives(value), _directives(answer.headers.get(name.lower())))
    hold("a next page", expected.next_page_after is not None, "next-page" in answer.headers)
    if request.method == "HEAD" or expected.status == 304:
        hold("body", "", answer.body)
    else:
        found += _differences_of_bodies(expected, answer)
    return found


def _directives(header: str | None) -> list[str] | None:
    """The parts of a header such as `Cache-Control`, whose order is free."""
    return None if header is None else sorted(header.split(", "))


def _differences_of_items(items: Sequence[tuple[Request, Expected]], answer: Answer) -> list[str]:
    shown: list[Any] = answer.body["responses"]
    if len(shown) != len(items):
        return [f"{len(items)} requests have {len(shown)} answers"]
    return [
        f"request {index} of the batch: {difference}"
        for index, ((request, expected), item) in enumerate(zip(items, shown, strict=True))
        for difference in [
            *differences(request, expected, item_answer(item)),
            *_differences_of_paths(request, item),
        ]
    ]


def _differences_of_paths(request: Request, item: Any) -> list[str]:
    """BAT-13."""
    wanted = f"/v1{request.path}"
    is_aliased = request.path.split("/")[:3] == ["", "buckets", "default"]
    is_right = item["path"] == wanted or (is_aliased and item["path"].startswith("/v1/buckets/"))
    return [] if is_right else [f"path: expected {wanted!r}, got {item['path']!r}"]


def _differences_of_bodies(expected: Expected, answer: Answer) -> list[str]:
    found: list[str] = []
    body: Data = answer.body if is_object(answer.body) else {}
    details: Any = body.get("details")

    def hold(what: str, wanted: Any, got: Any) -> None:
        if wanted is not None and not same(wanted, got):
            found.append(f"{what}: expected {wanted!r}, got {got!r}")

    if expected.is_unordered and is_array(body.get("data")):
        hold("body", _by_id(expected.body), _by_id(body))
    elif expected.body is not None:
        hold("body", in_order(expected.body), in_order(answer.body))
    hold("errno", expected.errno, body.get("errno"))
    if expected.errno is not None:
        hold("code", expected.status, body.get("code"))
    hold("details", expected.details, details)
    if expected.faults is not None:
        entries: list[Data] = details if is_array(details) else []
        shown = [(one["location"], one["name"]) for one in entries]
        wanted = sorted(expected.faults, key=lambda fault: str(fault[1]))
        hold("faults", wanted, shown)
    if expected.existing is not None:
        existing: Any = details.get("existing", ABSENT) if is_object(details) else ABSENT
        hold("existing", expected.existing, existing)
    return found


def in_order(body: Any) -> Any:
    """The body with its ACEs sorted, as their order is free (PERM-18, PRM-2)."""
    if is_array(body):
        return [in_order(each) for each in body]
    if is_object(body):
        return {name: _member_in_order(name, value) for name, value in body.items()}
    return body


def _member_in_order(name: str, value: Any) -> Any:
    if name != "permissions":
        return in_order(value)
    if is_object(value):
        return {permission: sorted(holders) for permission, holders in value.items()}
    return sorted(value)


def _by_id(body: Any) -> Any:
    return {**body, "data": sorted(body["data"], key=lambda one: str(one["id"]))}
