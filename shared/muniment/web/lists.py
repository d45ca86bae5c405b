"""Requests for lists, read and answered: what all lists have in common (sections 8.1 and 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from muniment.domain.commands import Preconditions
from muniment.domain.queries.selection import Limits, Selection
from muniment.domain.refusals import Fault, Invalid, ObjectModified
from muniment.domain.values import Timestamp
from muniment.readmodel.lists.fields import project_list
from muniment.readmodel.lists.pages import write_token
from muniment.readmodel.lists.parameters import FixedFields, parse_selection
from muniment.web.conditions import Verdict, judge_read, not_modified, read_preconditions
from muniment.web.errors import Errors
from muniment.web.http import Request, Response
from muniment.web.signals import alert

_TO_IS_DEPRECATED: Final = alert(
    "soft-eol",
    "_to is now deprecated, you should use _before instead",
    "https://docs.kinto-storage.org/en/stable/api/1.x/filtering.html",
)

NOTHING: Final = Selection(limit=1)
"""Stands in for a selection with faults, while rights are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What a request for a list asks for; with faults `selection` stands for nothing."""

    request: Request
    selection: Selection
    preconditions: Preconditions
    faults: tuple[Fault, ...]

    @property
    def is_head(self) -> bool:
        return self.request.method == "HEAD"

    @property
    def skipped_at(self) -> Timestamp | None:
        """The list timestamp at which the client needs no rows."""
        tag = self.preconditions.if_none_match
        return None if tag == "*" else tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a list has for the request: a body, or how many there are for a HEAD."""

    body: bytes | None
    last: bytes | None
    """The sort values of the last object, if there is more than these."""
    matches: int | None


def read_list_request(
    request: Request, *, limits: Limits, now: Timestamp, fixed: FixedFields | None = None
) -> ListRequest:
    """The request, with all that is wrong in its headers and its query string."""
    preconditions, header_faults = read_preconditions(request.headers)
    selection = parse_selection(request.query, now=now, limits=limits, fixed=fixed)
    faults = (*request.faults, *header_faults)
    if isinstance(selection, Invalid):
        faults, selection = (*faults, *selection.faults), NOTHING
    return ListRequest(
        request=request, selection=selection, preconditions=preconditions, faults=faults
    )


def refuse_stale(asked: ListRequest, at: Timestamp, errors: Errors) -> Response | None:
    """304 or 412, where the list's timestamp asks for it (row L of the truth table)."""
    match judge_read(asked.preconditions, at):
        case Verdict.NOT_MODIFIED:
            return not_modified(at)
        case Verdict.FAILED:
            modified = ObjectModified(current=at, existing=None)
            return errors.refuse(modified, asked.request.requester)
        case Verdict.GO_ON:
            return None


def answer_list(
    asked: ListRequest,
    found: Found,
    headers: Mapping[str, str],
    *,
    begun_at: Timestamp | None = None,
) -> Response:
    """The 200, under these headers and those of the page; later pages tell `begun_at` again."""
    told = {**headers, **deprecation(asked.request)}
    selection = asked.selection
    if asked.is_head:
        told["Total-Objects"] = told["Total-Records"] = str(found.matches)
        return Response(headers=told)
    if found.last is not None:
        token = write_token(selection.order, found.last, begun_at=begun_at)
        told["Next-Page"] = next_page(asked.request, token, limit=selection.limit)
    body = found.body or b""
    return Response(
        headers=told, body=project_list(body, selection.fields) if selection.fields else body
    )


def deprecation(request: Request) -> dict[str, str]:
    """The alert that is due where the deprecated `_to` is used, also by a DELETE (SIG-5)."""
    is_to_used = any(name.strip() == "_to" for name, _ in request.query)
    return {"Alert": _TO_IS_DEPRECATED} if is_to_used else {}


def next_page(request: Request, token: str, *, limit: int | None = None) -> str:
    """The absolute URL of the page after this one (QP-2), by the limit that was applied."""
    replaced = {"_token": token} if limit is None else {"_limit": str(limit), "_token": token}
    own = [pair for pair in request.query if pair[0].strip() not in replaced]
    query = urlencode([*own, *replaced.items()])
    return f"{request.base_url}{request.raw_path}?{query}"
