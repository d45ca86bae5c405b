"""Signing keys in the forms of Standard Webhooks (vectors of shared/webhooks.md, section 2)."""

from base64 import b64decode

import pytest

from muniment.domain.webhooks.keys import (
    parse_public_key,
    parse_secret,
    parse_signing_key,
    public_key_text,
    secret_text,
    signing_key_text,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAIR = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def test_a_secret_is_read_and_written() -> None:
    key = parse_secret(SECRET)

    assert key == b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert secret_text(key or b"") == SECRET


def test_a_key_pair_is_read_and_written() -> None:
    pair = parse_signing_key(f"whsk_{PAIR}")

    assert pair is not None
    assert public_key_text(pair[1]) == PUBLIC
    assert parse_public_key(PUBLIC) == pair[1]
    assert signing_key_text(*pair) == f"whsk_{PAIR}"


@pytest.mark.parametrize(
    "text",
    [
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa",
        "whsec_" + "A" * 88,
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La-_Sw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        "whsec_ümlaut",
    ],
    ids=repr,
)
def test_what_receivers_could_not_read_is_no_secret(text: str) -> None:
    """Too short, too long, unpadded or url-safe base64 fails in some receivers' libraries."""
    assert parse_secret(text) is None


@pytest.mark.parametrize("text", [f"whsec_{PAIR}", f"whsk_{PAIR[:-4]}", "whsk_", PUBLIC], ids=repr)
def test_what_is_no_pair_is_no_signing_key(text: str) -> None:
    assert parse_signing_key(text) is None
