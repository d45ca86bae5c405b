"""Writes and reads of one account: `/accounts/{id}`, and POST to `/accounts` (section 18)."""

import orjson

from muniment.accounts.answers import AccountAnswers, missing
from muniment.accounts.changing import AccountChanges
from muniment.accounts.commands import read_account_command
from muniment.accounts.store import AccountStore
from muniment.domain.accounts import AccountRights, is_valid_username
from muniment.domain.permissions import NO_PERMISSIONS
from muniment.domain.refusals import INVALID_ID, Invalid, NotAllowed, ObjectModified
from muniment.domain.states import Present
from muniment.readmodel.lists.fields import project
from muniment.readmodel.lists.parameters import parse_fields
from muniment.web.cache import UNCACHED
from muniment.web.commands import CommandReader
from muniment.web.conditions import (
    Verdict,
    judge_read,
    not_modified,
    read_preconditions,
    revision_headers,
)
from muniment.web.errors import Errors
from muniment.web.http import Request, Response


class AccountHandler:
    """Answers requests for one account; raises `Unavailable`."""

    def __init__(
        self,
        *,
        store: AccountStore,
        changes: AccountChanges,
        reader: CommandReader,
        rights: AccountRights,
        errors: Errors,
    ) -> None:
        self._store = store
        self._changes = changes
        self._reader = reader
        self._rights = rights
        self._errors = errors
        self._answers = AccountAnswers(errors, rights)

    async def write(self, request: Request) -> Response:
        """Make the change, or say why not."""
        command = read_account_command(request, self._reader)
        return self._answers.tell(command, await self._changes.make(command))

    async def read(self, request: Request) -> Response:
        """GET and HEAD of an account."""
        username = request.target.id or ""
        target = (await self._store.read(username)).scene.target
        preconditions, faults = read_preconditions(request.headers)
        fields = parse_fields(request.query) if request.raw_query else None
        if isinstance(fields, Invalid):
            faults, fields = (*faults, *fields.faults), None

        own = target.permissions if isinstance(target, Present) else NO_PERMISSIONS
        if not self._rights.may_read(request.requester, own):
            return self._errors.refuse(NotAllowed(), request.requester)
        if faults := (*request.faults, *faults):
            return self._errors.refuse(Invalid(faults), request.requester)
        if not is_valid_username(username):
            return self._errors.refuse(Invalid((INVALID_ID,)), request.requester)
        if not isinstance(target, Present):
            return missing(username)

        at = target.last_modified
        match judge_read(preconditions, at):
            case Verdict.NOT_MODIFIED:
                return not_modified(at)
            case Verdict.FAILED:
                modified = ObjectModified(current=at, existing=target.data)
                return self._errors.refuse(modified, request.requester)
            case Verdict.GO_ON:
                pass
        headers = {**revision_headers(at), **UNCACHED}
        if fields is not None:
            body = orjson.dumps({"data": project(target.data, fields)})
            return Response(headers=headers, body=body)
        body = self._answers.body(username, target.data, own, request.requester)
        return Response(headers=headers, body=body)
