"""Changes of accounts: decided, hashed where there is something to hash, and decided again."""

from collections.abc import Callable
from typing import Final

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
from muniment.domain.states import ABSENT
from muniment.domain.values import Timestamp
from muniment.web.pipeline import Unavailable

ATTEMPTS_MAX: Final = 5
"""How often a change is decided anew, as the password it sets came from what others changed."""

_NOBODY: Final = StoredAccount(scene=scene_of(ABSENT, Timestamp(0)), password_hash=None)


class AccountChanges:
    """Carries commands out, one account at a time."""

    def __init__(
        self,
        *,
        store: AccountStore,
        passwords: Passwords,
        rights: AccountRights,
        now: Callable[[], Timestamp],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._rights = rights
        self._now = now

    async def make(self, command: AccountCommand) -> AccountDecision:
        """Decide, hash what there is to hash, and decide again when nobody else can interfere.

        What is refused is refused before anything costly was done for it. Raises `Unavailable`.
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
