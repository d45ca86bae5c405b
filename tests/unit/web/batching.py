"""Batches as the reader finds them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from muniment.domain.refusals import Invalid
from muniment.web.batch import BatchReader
from muniment.web.http import Request
from tests.unit.web.building import request

READER: Final = BatchReader()
JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}
OPERATIONS: Final = [{"op": "add", "path": "/data/n", "value": 1}]


def batch(body: object, headers: Mapping[str, str] | None = None) -> Request:
    return request("POST", "/v1/batch", headers=headers, body=body)


def read(body: object, headers: Mapping[str, str] | None = None) -> Sequence[Request]:
    found = READER.read(batch(body, headers))
    assert not isinstance(found, Invalid), found
    return found


def read_one(item: object, headers: Mapping[str, str] | None = None, **envelope: Any) -> Request:
    [found] = read({"requests": [item], **envelope}, headers)
    return found
