"""The body of every error, and the answer to every refusal (contract section 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, assert_never

import orjson

from muniment.domain.commands import Requester
from muniment.domain.refusals import (
    CollectionMissing,
    Fault,
    Invalid,
    KeyReused,
    NameTaken,
    NotAllowed,
    NotRepeated,
    ObjectMissing,
    ObjectModified,
    Refusal,
    TimestampTaken,
)
from muniment.domain.values import JsonValue
from muniment.web.conditions import revision_headers
from muniment.web.http import Response

INVALID_PARAMETERS: Final = "Invalid parameters"

KEY_REUSED: Final = Fault(
    location="header",
    name="Idempotency-Key",
    description="Idempotency-Key was used for another request",
)

FAULTS_TOLD_MAX: Final = 100
"""Faults in one answer: a body of a megabyte could have a hundred thousand."""


def error(
    status: int,
    errno: int,
    message: str | None = None,
    *,
    title: str | None = None,
    details: JsonValue = None,
    info: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer in the form of ERR-1: what there is nothing to say about is left out."""
    body: dict[str, JsonValue] = {
        "code": status,
        "errno": errno,
        "error": title or HTTPStatus(status).phrase,
    }
    if message:
        body["message"] = message
    if info:
        body["info"] = info
    if details:
        body["details"] = details
    return Response(status=status, headers=dict(headers or {}), body=orjson.dumps(body))


def invalid(faults: Iterable[Fault], *, status: int = 400) -> Response:
    """400, 406, 415 or 422 with all faults, sorted by their names as text (ERR-2)."""
    told = sorted(faults, key=lambda fault: str(fault.name))[:FAULTS_TOLD_MAX]
    details = [
        {"location": fault.location, "name": fault.name, "description": fault.description}
        for fault in told
    ]
    return error(status, 107, _message(told[0]), title=INVALID_PARAMETERS, details=details)


def _message(first: Fault) -> str:
    """ERR-4."""
    if first.name is None:
        return f"{first.location}: {first.description}"
    if str(first.name) in first.description:
        return first.description
    return f"{first.name} in {first.location}: {first.description}"


def bad_request(message: str) -> Response:
    """400 for what is no HTTP, or is not UTF-8 (RT-8, RT-9)."""
    return error(400, 107, message)


def unknown_path() -> Response:
    """404 for a path that names nothing (RT-6)."""
    return error(404, 111, "The resource you are looking for could not be found.")


def unknown_version() -> Response:
    """404 for another version of the API (RT-3)."""
    return error(404, 116, "The requested API version is not available on this server.")


def method_not_allowed(allow: str) -> Response:
    """405 (RT-7, RO-1, OFF-1)."""
    message = "Method not allowed on this endpoint."
    return error(405, 115, message, headers={"Allow": allow})


def too_large(body_bytes_max: int) -> Response:
    """413 for a body over the limit."""
    return error(413, 113, f"The body of a request is limited to {body_bytes_max} bytes.")


def object_missing(resource_name: str, object_id: str) -> Response:
    """404 for the object of an object endpoint."""
    return error(404, 110, details={"id": object_id, "resource_name": resource_name})


def collection_missing(collection_id: str) -> Response:
    """404 for records of a collection that does not exist (ERR-16)."""
    return error(404, 111, details={"id": collection_id, "resource_name": "collection"})


def object_modified(refusal: ObjectModified) -> Response:
    """412 (PRE-1)."""
    details = None if refusal.existing is None else {"existing": refusal.existing}
    return error(
        412,
        114,
        "Resource was modified meanwhile",
        details=details,
        headers=revision_headers(refusal.current),
    )


AUTHENTICATE: Final = "Please authenticate yourself to use this endpoint."


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """The errors that depend on settings."""

    challenge: str = 'Basic realm="Realm"'
    """What `WWW-Authenticate` says: the challenges of all policies (AUTH-7)."""
    retry_after_s: int = 3
    info_url: str | None = None

    def refuse(self, refusal: Refusal, requester: Requester) -> Response:
        """The answer to a refusal of the domain."""
        match refusal:
            case NotAllowed():
                return self.unauthorized() if requester.is_anonymous else forbidden()
            case Invalid():
                return invalid(refusal.faults)
            case ObjectMissing():
                return object_missing(refusal.address.kind, refusal.address.id)
            case CollectionMissing():
                return collection_missing(refusal.collection_id)
            case ObjectModified():
                return object_modified(refusal)
            case TimestampTaken() | NameTaken():
                return self.conflict()
            case KeyReused():
                return invalid((KEY_REUSED,), status=HTTPStatus.UNPROCESSABLE_ENTITY)
            case NotRepeated():
                return not_repeated()
            case _:
                assert_never(refusal)

    def unauthorized(self, message: str = AUTHENTICATE) -> Response:
        """401 for an anonymous requester where a right is needed."""
        return error(401, 104, message, headers={"WWW-Authenticate": self.challenge})

    def conflict(self) -> Response:
        """409: two writes collide."""
        message = "Integrity constraint violated, please retry."
        return error(409, 122, message, headers=self._retry_after())

    def unavailable(self) -> Response:
        """503: a backend fails, or is not ready yet."""
        message = (
            "Service temporary unavailable due to overloading or maintenance, please retry later."
        )
        return error(503, 201, message, info=self.info_url, headers=self._retry_after())

    def internal(self) -> Response:
        """500, without anything of the inside (ERR-5)."""
        message = "A programmatic error occurred, developers have been informed."
        return error(500, 999, message, info=self.info_url)

    def _retry_after(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


def not_repeated() -> Response:
    """409 for what must not be done now; without `Retry-After`, as no repeat would help (SIG-2)."""
    message = "This request changed nothing when its batch was made: send it under another key."
    return error(409, 122, message)


def forbidden() -> Response:
    """403 for an authenticated requester."""
    return error(403, 121, "This user cannot access this resource.")
