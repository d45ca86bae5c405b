"""The policy `account`: Basic credentials held against the accounts (AUTH-2)."""

from typing import Final

from muniment.accounts.passwords import Passwords
from muniment.accounts.store import AccountStore
from muniment.domain.accounts import POLICY, is_valid_username, user_id_of
from muniment.domain.values import Principal
from muniment.runtime.logs import get_logger
from muniment.web.authentication import REALM, basic_credentials
from muniment.web.http import Headers
from muniment.web.pipeline import Unavailable

log: Final = get_logger(__name__)


class AccountPolicy:
    """Who has logged in with an account."""

    name = POLICY
    challenge = f"Basic {REALM}"

    def __init__(self, store: AccountStore, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords
        self._renewing: set[str] = set()

    async def authenticate(self, headers: Headers) -> Principal | None:
        """The user id, for the password that the account has now. Raises `Unavailable`.

        The hash is read each time, which is cheap beside checking it: so a change of the
        password counts at once, on every instance.
        """
        credentials = basic_credentials(headers.get("Authorization", ""))
        if credentials is None or not is_valid_username(credentials[0]):
            return None
        username, password = credentials
        password_hash = await self._store.password_hash(username)
        if password_hash is None:
            # As slow as for an account that there is: else one could tell which there are.
            await self._passwords.check_in_vain(password)
            return None
        if not await self._passwords.is_right(password, password_hash):
            return None
        if self._passwords.is_outdated(password, password_hash):
            await self._renew(username, password, password_hash)
        return user_id_of(username)

    async def _renew(self, username: str, password: str, password_hash: str) -> None:
        """Hash the password as it is done now; the next login will if this one cannot."""
        if username in self._renewing:
            return
        self._renewing.add(username)
        try:
            renewed = await self._passwords.hash(password)
            await self._store.renew_hash(username, password_hash, renewed)
        except Unavailable as reason:
            log.warning("account.hash_not_renewed", username=username, reason=str(reason))
        finally:
            self._renewing.discard(username)
