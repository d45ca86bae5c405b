"""Errors in CocoBase's form: `{"detail": …}` (contract section 2)."""

from collections.abc import Sequence

import orjson

from muniment.domain.values import JsonValue
from muniment.web.http import Response


class CocoBaseError(Exception):
    """The request is refused: the status and what `detail` says."""

    def __init__(self, status: int, detail: JsonValue) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail

    @property
    def response(self) -> Response:
        """The answer that tells it."""
        return Response(status=self.status, body=error_body(self.detail))


def error_body(detail: JsonValue) -> bytes:
    """The body of every error."""
    return orjson.dumps({"detail": detail})


def bad_request(text: str) -> CocoBaseError:
    """400: the values break a rule."""
    return CocoBaseError(400, text)


def unauthorized(text: str) -> CocoBaseError:
    """401: no good key, or a right that only app users have."""
    return CocoBaseError(401, text)


def not_found(text: str) -> CocoBaseError:
    """404: no such collection or document."""
    return CocoBaseError(404, text)


def unprocessable(
    loc: Sequence[str | int], message: str, kind: str = "value_error"
) -> CocoBaseError:
    """422: the body or a parameter has not the form that it needs."""
    return CocoBaseError(422, [{"loc": list(loc), "msg": message, "type": kind}])
