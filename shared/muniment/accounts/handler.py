"""Writes and reads of one account: `/accounts/{id}`, and POST to `/accounts` (section 18)."""

from collections.abc import Callable
from typing import Final

import orjson

from muniment.accounts.answers import AccountAnswers, missing
from muniment.accounts.commands import read_account_command
from muniment.accounts.passwords import Passwords
from muniment.accounts.store import AccountStore, Approved, StoredAccount
from muniment.domain.accounts import (
    AccountChanged,
    AccountCommand,
    AccountDecision,
    AccountRights,
    decide,
    is_valid_username,
    scene_of,
)
from muniment.domain.events import Action
from muniment.domain.permissions import NO_PERMISSIONS
from muniment.domain.refusals import INVALID_ID, Invalid, NotAllowed, ObjectModified
from muniment.domain.states import ABSENT, Present
from muniment.domain.values import Timestamp
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
from muniment.web.pipeline import Unavailable

ATTEMPTS_MAX: Final = 5
"""How often a change is decided anew, as the password it sets came from what others changed."""

_NOBODY: Final = StoredAccount(scene=scene_of(ABSENT, Timestamp(0)), password_hash=None)


class AccountHandler:
    """Answers requests for one account; raises `Unavailable`."""

    def __init__(
        self,
        *,
        store: AccountStore,
        passwords: Passwords,
        reader: CommandReader,
        rights: AccountRights,
        errors: Errors,
        now: Callable[[], Timestamp],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._reader = reader
        self._rights = rights
        self._errors = errors
        self._answers = AccountAnswers(errors, rights)
        self._now = now

    async def write(self, request: Request) -> Response:
        """Make the change, or say why not."""
        command = read_account_command(request, self._reader)
        return self._answers.tell(command, await self._change(command))

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

    async def _change(self, command: AccountCommand) -> AccountDecision:
        """Decide, hash what there is to hash, and decide again when nobody else can interfere.

        What is refused is refused before anything costly was done for it.
        """
        username = command.username
        if username is None or not is_valid_username(username):
            # No row can be of that name; the refusal needs none.
            return self._decide(_NOBODY, command)
        stored = await self._store.read(username)
        for _ in range(ATTEMPTS_MAX):
            draft = self._decide(stored, command)
            if not isinstance(draft, AccountChanged):
                return draft
            decided = await self._write(command, username, draft)
            if not isinstance(decided, StoredAccount):
                return decided
            stored = decided
        raise Unavailable(f"the account {username} is changed too often")

    async def _write(
        self, command: AccountCommand, username: str, draft: AccountChanged
    ) -> AccountDecision | StoredAccount:
        """What was decided and written; the account as it is now where the hash does not fit it."""
        made = None if draft.password is None else await self._passwords.hash(draft.password)

        def finish(
            stored: StoredAccount,
        ) -> Approved | AccountDecision | StoredAccount:
            decision = self._decide(stored, command)
            if not isinstance(decision, AccountChanged):
                return decision
            if decision.action is Action.DELETED:
                return Approved(change=decision, password_hash=None)
            if decision.password != draft.password:
                return stored
            return Approved(change=decision, password_hash=made or stored.password_hash)

        return await self._store.change(username, finish)

    def _decide(self, stored: StoredAccount, command: AccountCommand) -> AccountDecision:
        return decide(stored.scene, command, self._now(), self._rights)
