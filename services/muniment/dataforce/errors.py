"""Errors in DataForce's form: `{"detail": …}` (contract section 6)."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import ValidationError

from muniment.domain.values import JsonValue
from muniment.web.http import Response

NOT_ENOUGH_RIGHTS: Final = "Not enough rights"
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class DataForceError(Exception):
    """The request is refused: the status and what `detail` says."""

    def __init__(self, status: int, detail: JsonValue) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail

    @property
    def response(self) -> Response:
        """The answer that tells it."""
        headers = dict(CHALLENGE) if self.status == 401 else {}
        return Response(status=self.status, headers=headers, body=error_body(self.detail))


def error_body(detail: JsonValue) -> bytes:
    """The body of every error."""
    return orjson.dumps({"detail": detail})


def unauthorized() -> DataForceError:
    """401: no key, or none that is good."""
    return DataForceError(401, "Not authenticated")


def forbidden() -> DataForceError:
    """403: not a member, or the role does not allow it."""
    return DataForceError(403, NOT_ENOUGH_RIGHTS)


def orbit_missing() -> DataForceError:
    """404."""
    return DataForceError(404, "Orbit not found")


def collection_missing() -> DataForceError:
    """404."""
    return DataForceError(404, "Collection not found")


def unprocessable(loc: Sequence[str | int], message: str, kind: str) -> DataForceError:
    """422 for one thing that has not the form that it needs."""
    return DataForceError(422, [{"loc": list(loc), "msg": message, "type": kind}])


def invalid(place: str, error: ValidationError) -> DataForceError:
    """422 for all that is wrong in the body or the query."""
    faults: list[Any] = error.errors(include_url=False, include_context=False, include_input=False)
    return DataForceError(
        422,
        [
            {"loc": [place, *each["loc"]], "msg": each["msg"], "type": each["type"]}
            for each in faults
        ],
    )
