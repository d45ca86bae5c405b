"""Errors in CocoBase's form: `{"detail": …}` (contract section 2)."""

from collections.abc import Sequence

from muniment.web.dialects import DetailError


class CocoBaseError(DetailError):
    """The request is refused: the status and what `detail` says."""


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
    return CocoBaseError.unprocessable(loc, message, kind)
