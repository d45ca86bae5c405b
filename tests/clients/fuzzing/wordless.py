"""Rules that OpenAPI 2.0 has no words for: what breaks only them looks good to Schemathesis."""

import re
from typing import Any, Final, cast

import orjson
from schemathesis import Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import (
    MissingContentType,
    RejectedPositiveData,
    UseAfterFree,
)

from tests.clients.fuzzing.asking import ETAGS
from tests.clients.fuzzing.cases import AnyCase, headers_of, members, query_of

_SCHEMA: Final = re.compile(r"(data\.)?((collection|group|record):)?schema")
"""Fields that hold a JSON Schema, which no schema of OpenAPI 2.0 can describe (SCH-1)."""

_TAG: Final = re.compile(r'"[0-9]{1,18}"|\*')

_RULES: Final = (
    r"^_token has invalid content$",  # QP-3: opaque
    r"^Invalid value for _(since|before)$",  # QO-7: not later than tomorrow
    r"^Fields .* do not exist$",  # ERR-30: paths that begin with a known name
    r"^Unknown sort field",  # ERR-29
    r"^JSON Patch operation failed",  # PAT-12: depends on the object
    r"^Must be a URL at an origin that is let in$",  # a setting
    r"^Longer than maximum length$",  # bytes
    r"^Invalid state$",  # OID-2: opaque
    r"^no user has this id$",  # depends on who there is
    r" is not one of auth0$",  # OID-1: a setting
    r"^Object id does not match existing object$",  # ID-5: depends on the URL
)
_OF_BATCHES: Final = (
    r"^Required$",  # BAT-2: a path, be it in the defaults
    r"is not a mapping type",  # BAT-4, BAT-11: an array for a JSON Patch alone
    r"^Headers are strings of printable characters$",  # BAT-4: their names, too
    r"^Recursive call on /batch endpoint is forbidden.$",  # BAT-7
)
_LISTS: Final = (
    *("/accounts", "/buckets", "/collections", "/groups", "/history", "/records", "/webhooks"),
)
_ANYWHERE: Final = re.compile("|".join(_RULES), re.DOTALL)
_IN_A_BATCH: Final = re.compile("|".join(_OF_BATCHES))


def is_ours(failure: Failure, case: AnyCase, response: Response) -> bool:
    """Whether the failure says something about Muniment."""
    if isinstance(failure, MissingContentType):
        return response.status_code != 304  # PRE-3: it has no body.
    if isinstance(failure, UseAfterFree):
        # What a DELETE of a list has emptied is still a list.
        return not failure.free.endswith(_LISTS)
    if isinstance(failure, AcceptedNegativeData):
        # TS-7: what is no integer is dropped, however great it is. QP-1: a parameter may be empty,
        # which is how an empty object or list is sent.
        is_dropped = isinstance(members(case, "data").get("last_modified"), float)
        return not is_dropped and not any(
            value in ({}, [], "") for value in query_of(case).values()
        )
    if isinstance(failure, RejectedPositiveData):
        faults = orjson.loads(response.content).get("details")
        return not isinstance(faults, list) or not all(
            _is_wordless(case, fault) for fault in cast("list[dict[str, Any]]", faults)
        )
    return True


def _is_wordless(case: AnyCase, fault: dict[str, Any]) -> bool:
    name, description = fault["name"], str(fault["description"])
    if _SCHEMA.fullmatch(str(name)):
        return True
    if name in ETAGS:
        # Schemathesis' phase "coverage" strips the quotes that the document asks for.
        return _TAG.fullmatch(headers_of(case).get(name, "")) is None
    if "/webhooks" in case.path:
        return True  # URLs, queries, keys, certificates, places in a log: described as text.
    if case.path == "/batch" and _IN_A_BATCH.search(description):
        return True
    return _ANYWHERE.search(description) is not None
