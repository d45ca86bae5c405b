"""Errors in DataForce's form: `{"detail": …}` (contract section 6)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import ValidationError

from muniment.web.dialects import DetailError

NOT_ENOUGH_RIGHTS: Final = "Not enough rights"
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class DataForceError(DetailError):
    """The request is refused: the status and what `detail` says."""

    @property
    def headers(self) -> Mapping[str, str]:
        """With 401, how one says who one is."""
        return CHALLENGE if self.status == HTTPStatus.UNAUTHORIZED else {}


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
    return DataForceError.unprocessable(loc, message, kind)


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
