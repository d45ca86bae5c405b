"""Checking passwords: seldom, and never by an old hash."""

import asyncio
from collections.abc import Generator

import bcrypt
import pytest
from argon2 import PasswordHasher

from muniment.accounts.passwords import Passwords


class CountingHasher(PasswordHasher):
    """Cheap, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.checks = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002 - the names are the library's
        self.checks += 1
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
def passwords(hasher: CountingHasher) -> Generator[Passwords]:
    made = Passwords(verdict_ttl_s=60, hasher=hasher)
    yield made
    made.close()


async def test_a_verdict_is_kept_for_the_same_hash_alone(
    passwords: Passwords, hasher: CountingHasher
) -> None:
    """ACC-4: a change of the password counts at once; `account_cache_ttl_seconds`."""
    old, new = await passwords.hash("old"), await passwords.hash("new")

    assert [await passwords.is_right("old", old) for _ in range(3)] == [True] * 3
    assert hasher.checks == 1
    assert not await passwords.is_right("old", new)
    assert await passwords.is_right("new", new)


async def test_the_same_check_at_the_same_moment_is_done_once(
    passwords: Passwords, hasher: CountingHasher
) -> None:
    """A client that opens ten connections at once costs one check."""
    made = await passwords.hash("x")

    verdicts = await asyncio.gather(*(passwords.is_right("x", made) for _ in range(10)))

    assert verdicts == [True] * 10
    assert hasher.checks == 1


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_hashes_of_bcrypt_are_taken(passwords: Passwords, prefix: bytes) -> None:
    """ACC-4; what lies beyond 72 bytes never counted."""
    made = bcrypt.hashpw(b"p" * 72, bcrypt.gensalt(4, prefix)).decode()

    assert await passwords.is_right("p" * 80, made)
    assert not await passwords.is_right("q" * 72, made)


async def test_a_hash_is_outdated_where_it_is_not_made_as_today(passwords: Passwords) -> None:
    """Not that of a long password, of which bcrypt took but the beginning."""
    weaker = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash("p")
    elsewhere = bcrypt.hashpw(b"p" * 72, bcrypt.gensalt(4)).decode()

    assert not passwords.is_outdated("p", await passwords.hash("p"))
    assert passwords.is_outdated("p", weaker)
    assert passwords.is_outdated("p" * 72, elsewhere)
    assert not passwords.is_outdated("p" * 73, elsewhere)


@pytest.mark.parametrize("broken", ["", "plain", "$2b$", "$argon2id$", "$2b$12$short"])
async def test_what_is_no_hash_lets_nobody_in(passwords: Passwords, broken: str) -> None:
    assert not await passwords.is_right(broken, broken)
