"""Keys that were just seen are not looked up again, and not believed for long."""

from typing import cast

import pytest

from muniment.domain.values import Principal
from muniment.keys.side import Keys
from muniment.keys.store import KeyId, KeyStore
from muniment.keys.texts import TEXT_CHARS_MAX

ATLAS = Principal("project:atlas")


class CountingStore:
    """Knows some keys, and counts what it is asked."""

    def __init__(self, **keys: Principal) -> None:
        self.keys = keys
        self.asked: list[str] = []

    async def find(self, text: str) -> tuple[KeyId, Principal] | None:
        self.asked.append(text)
        found = self.keys.get(text)
        return None if found is None else (KeyId("id"), found)


def keys_of(store: CountingStore, *, ttl_s: float = 60) -> Keys:
    return Keys(cast("KeyStore", store), ttl_s=ttl_s)


async def test_a_key_is_looked_up_once_for_several_requests() -> None:
    """So is a text that is none: who guesses asks the database no more than others."""
    store = CountingStore(good=ATLAS)
    keys = keys_of(store)

    found = [await keys.principal_of(text) for text in ("good", "good", "bad", "bad")]

    assert found == [ATLAS, ATLAS, None, None]
    assert store.asked == ["good", "bad"]


async def test_a_revoked_key_ends_where_it_was_revoked_at_once() -> None:
    """Elsewhere when what was seen has run out."""
    store = CountingStore(good=ATLAS)
    keys = keys_of(store)
    assert await keys.principal_of("good") == ATLAS

    store.keys.clear()
    keys.forget()

    assert await keys.principal_of("good") is None


async def test_what_was_seen_runs_out() -> None:
    """Without that a key would be good for ever on an instance that has once seen it."""
    store = CountingStore(good=ATLAS)
    keys = keys_of(store, ttl_s=0)

    assert await keys.principal_of("good") == ATLAS
    store.keys.clear()

    assert await keys.principal_of("good") is None


@pytest.mark.parametrize("text", ["", "x" * (TEXT_CHARS_MAX + 1), "schlüssel"])
async def test_what_can_be_no_key_is_not_looked_up(text: str) -> None:
    """It would only cost."""
    store = CountingStore(**{text: ATLAS})

    assert await keys_of(store).principal_of(text) is None
    assert store.asked == []
