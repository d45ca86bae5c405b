"""Secret texts of webhooks: sealed for one object, opened by any of the keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from muniment.domain.webhooks.keys import parse_signing_key
from muniment.domain.webhooks.sealing import Unopenable, is_sealed, sealed_anew
from muniment.runtime.sealing import AesSivSealer, master_secret, sealer_of
from muniment.runtime.settings import Settings

URI = "/buckets/atlas/webhooks/billing"
OLD, NEW = (AesSivSealer([key], master=b"m") for key in (b"old", b"new"))
PAIR = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
BOTH = AesSivSealer([b"new", b"old"], master=b"m")


@given(text=st.text(min_size=1))
def test_what_was_sealed_is_opened_again(text: str) -> None:
    """And sealing is a function: a decision that seals can be made twice."""
    sealed = NEW.seal(text, URI)

    assert is_sealed(sealed)
    assert sealed == NEW.seal(text, URI)
    assert NEW.unseal(sealed, URI) == text
    assert len(text) < 4 or text not in sealed


def test_no_other_object_can_open_it() -> None:
    """Nor may who copies it into a webhook of their own."""
    with pytest.raises(Unopenable):
        NEW.unseal(NEW.seal("hush", URI), f"{URI}2")


@pytest.mark.parametrize(
    "sealed",
    [
        OLD.seal("hush", URI),
        NEW.seal("hush", URI)[:-2],
        NEW.seal("hush", URI).replace(":", ":x", 3),
        "sealed:1:00000000:AAAA",
        "hush",
        "",
    ],
)
def test_what_was_not_sealed_so_is_not_opened(sealed: str) -> None:
    with pytest.raises(Unopenable):
        NEW.unseal(sealed, URI)


def test_an_older_key_opens_and_the_first_seals() -> None:
    sealed = OLD.seal("hush", URI)

    anew = sealed_anew(sealed, URI, BOTH)

    assert BOTH.unseal(sealed, URI) == "hush"
    assert not BOTH.is_current(sealed)
    assert anew == NEW.seal("hush", URI)
    assert BOTH.is_current(anew)


def test_what_no_key_opens_stays_as_it_is() -> None:
    """The deliveries will tell of it: nothing is thrown away before."""
    sealed = OLD.seal("hush", URI)

    assert sealed_anew(sealed, URI, NEW) == sealed


def test_the_secret_key_opens_what_was_sealed_before_there_were_others() -> None:
    plain = Settings(secret_key=SecretStr("the secret"))
    keyed = Settings(secret_key=SecretStr("the secret"), sealing_keys=(SecretStr("another"),))

    sealed = sealer_of(plain).seal("hush", URI)

    assert sealer_of(keyed).unseal(sealed, URI) == "hush"
    assert not sealer_of(keyed).is_current(sealed)


def test_keys_are_made_from_the_master_secret() -> None:
    """So that instances which share it make the same ones."""
    one, other = AesSivSealer([b"a"], master=b"m"), AesSivSealer([b"b"], master=b"m")

    assert one.derive("x") == other.derive("x")
    assert one.derive("x") != one.derive("y")
    assert len(one.derive("x")) == 32


def test_the_master_secret_is_that_of_the_webhooks_if_there_is_one() -> None:
    settings = Settings(secret_key=SecretStr("one"), webhooks_secret=SecretStr("two"))

    assert master_secret(settings) == b"two"
    assert master_secret(Settings(secret_key=SecretStr("one"))) == b"one"


def test_a_public_key_is_that_of_its_seed() -> None:
    """The pair of the specification's vectors."""
    pair = parse_signing_key(f"whsk_{PAIR}")

    assert pair is not None
    assert NEW.public_key(pair[0]) == pair[1]
