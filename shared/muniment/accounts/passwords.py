"""Hashes of passwords: made and checked in threads of their own, as both are slow on purpose."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cachetools import TTLCache

from muniment.web.pipeline import Unavailable

T = TypeVar("T")

THREADS_MAX: Final = 2
"""Each of them takes 64 MiB while it works."""
WAITING_MAX: Final = 256
VERDICTS_MAX: Final = 10_000

_BCRYPT_BYTES_MAX: Final = 72
"""What bcrypt looks at; the rest of a longer password never counted."""
_BCRYPT_PREFIXES: Final = ("$2a$", "$2b$", "$2y$")


class Passwords:
    """Hashes and checks passwords; a verdict is kept for some seconds.

    A verdict is kept by a keyed digest of the password and the hash it was held against: so it
    is worth nothing from the moment that the account has another hash, on every instance.
    """

    def __init__(self, *, verdict_ttl_s: float, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="passwords")
        self._waiting = 0
        self._key = secrets.token_bytes(32)
        self._nobodys_hash: str | None = None
        self._verdicts: TTLCache[bytes, asyncio.Future[bool]] = TTLCache[
            bytes, asyncio.Future[bool]
        ](VERDICTS_MAX, verdict_ttl_s)

    async def hash(self, password: str) -> str:
        """A new argon2id hash. Raises `Unavailable` when too many wait for one."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def is_right(self, password: str, password_hash: str) -> bool:
        """Whether the hash is the password's. Raises `Unavailable` when too many are checked."""
        key = self._digest(password, password_hash)
        verdict = self._verdicts.get(key)
        if verdict is None:
            # Requests that come with the same credentials meanwhile wait for this check.
            verdict = asyncio.ensure_future(
                self._in_thread(lambda: _matches(self._hasher, password, password_hash))
            )
            self._verdicts[key] = verdict
            verdict.add_done_callback(lambda done: self._forget_failure(key, done))
        # One that gives up must not take the check away from the others.
        return await asyncio.shield(verdict)

    def is_outdated(self, password: str, password_hash: str) -> bool:
        """Whether the right password should have another hash: one made as they are made now.

        Not where bcrypt took but the beginning of a long one: what else was typed may be wrong.
        """
        if password_hash.startswith(_BCRYPT_PREFIXES):
            return len(password.encode()) <= _BCRYPT_BYTES_MAX
        return self._hasher.check_needs_rehash(password_hash)

    async def check_in_vain(self, password: str) -> None:
        """Take as long as a check does. Raises `Unavailable` as that does."""
        if self._nobodys_hash is None:
            self._nobodys_hash = await self.hash(secrets.token_hex())
        await self.is_right(password, self._nobodys_hash)

    def close(self) -> None:
        """Let the threads go; what they have in hand is of no use any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forget_failure(self, key: bytes, done: "asyncio.Future[bool]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._verdicts.pop(key, None)

    def _digest(self, password: str, password_hash: str) -> bytes:
        text = f"{password_hash}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).digest()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise Unavailable("too many passwords are being checked")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _matches(hasher: PasswordHasher, password: str, password_hash: str) -> bool:
    if password_hash.startswith(_BCRYPT_PREFIXES):
        return _matches_bcrypt(password, password_hash)
    try:
        return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _matches_bcrypt(password: str, password_hash: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES_MAX], password_hash.encode())
    except ValueError:  # No hash, or a password with U+0000.
        return False
