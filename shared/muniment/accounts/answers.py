"""What clients are told of accounts: never a password, nor its hash (D-26)."""

from typing import assert_never

import orjson

from muniment.domain.accounts import (
    AccountChanged,
    AccountCommand,
    AccountDecision,
    AccountMissing,
    AccountRights,
    CreateAccount,
    DeleteAccount,
    PatchAccount,
    PutAccount,
    apply_change,
    shown_permissions,
)
from muniment.domain.commands import Requester
from muniment.domain.decisions import Unchanged
from muniment.domain.events import Action
from muniment.domain.patches import Patched, diff_answer, light_answer, requested_fields
from muniment.domain.values import JsonObject, Permissions
from muniment.web.conditions import revision_headers
from muniment.web.errors import Errors, object_missing
from muniment.web.http import Response


class AccountAnswers:
    """Writes the answers to commands on accounts."""

    def __init__(self, errors: Errors, rights: AccountRights) -> None:
        self._errors = errors
        self._rights = rights

    def tell(self, command: AccountCommand, decision: AccountDecision) -> Response:
        """The response to one command."""
        match decision:
            case AccountChanged():
                return self._changed(command, decision)
            case Unchanged():
                existing = decision.existing
                username = str(existing.data["id"])
                body = self.body(username, existing.data, existing.permissions, command.requester)
                return Response(headers=revision_headers(existing.last_modified), body=body)
            case AccountMissing():
                return missing(decision.username)
            case _:
                return self._errors.refuse(decision, command.requester)

    def body(
        self, username: str, data: JsonObject, permissions: Permissions, requester: Requester
    ) -> bytes:
        """An account with as much of its permissions as the requester may see."""
        shown = shown_permissions(username, permissions, requester, self._rights)
        return orjson.dumps({"data": data, "permissions": shown})

    def _changed(self, command: AccountCommand, change: AccountChanged) -> Response:
        headers = revision_headers(change.last_modified)
        match command:
            case CreateAccount() | PutAccount():
                status = 201 if change.action is Action.CREATED else 200
                return Response(status=status, headers=headers, body=self._full(command, change))
            case PatchAccount():
                return Response(headers=headers, body=self._patched(command, change))
            case DeleteAccount():
                return Response(headers=headers, body=orjson.dumps({"data": change.after.data}))
            case _:
                assert_never(command)

    def _patched(self, command: PatchAccount, change: AccountChanged) -> bytes:
        after, before = change.after, change.before
        if command.behavior == "full" or before is None:
            return self._full(command, change)
        patched = apply_change(command.change, before)
        requested = requested_fields(
            command.change, patched.data if isinstance(patched, Patched) else after.data
        )
        if command.behavior == "light":
            return orjson.dumps({"data": light_answer(before.data, after.data, requested)})
        return orjson.dumps({"data": diff_answer(after.data, requested)})

    def _full(self, command: AccountCommand, change: AccountChanged) -> bytes:
        after = change.after
        return self.body(change.username, after.data, after.permissions, command.requester)


def missing(username: str) -> Response:
    """404 for an account."""
    return object_missing("account", username)
