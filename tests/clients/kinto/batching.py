"""Batches as tests send them, and their items."""

from typing import Any

from tests.clients.requester import Requester


def batch(requester: Requester, *given: Any, **envelope: Any) -> list[Any]:
    answer = requester("POST", "/v1/batch", {"requests": list(given), **envelope})
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["responses"]
    assert len(items) == len(given)
    return items


def statuses(items: list[Any]) -> list[int]:
    return [item["status"] for item in items]


def request(method: str, path: str, body: Any = None, headers: Any = None) -> dict[str, Any]:
    given = {"method": method, "path": path, "body": body, "headers": headers}
    return {name: value for name, value in given.items() if value is not None}


def put(path: str, fields: Any = None, headers: Any = None) -> dict[str, Any]:
    return request("PUT", path, None if fields is None else {"data": fields}, headers)


def get(path: str, headers: Any = None) -> dict[str, Any]:
    return request("GET", path, headers=headers)


def names(item: Any) -> list[str]:
    """The ids in a list's item, sorted."""
    return sorted(each["id"] for each in item["body"]["data"])


def at(item: Any) -> int:
    return int(item["headers"]["ETag"].strip('"'))
