"""`muniment webhooks verify`, by the vectors of Standard Webhooks and by hand."""

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from muniment.cli.verifying import NotVerified, verify_request
from muniment.domain.webhooks.keys import public_key_text
from muniment.runtime.errors import ConfigurationError
from muniment.webhooks.signing import Secret, SigningKey

SECRET = Secret(b"of the test, 24 bytes...")
NOW = str(int(time.time()))


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body"
    path.write_bytes(b'{"test": 1}')
    return path


def test_what_was_signed_is_genuine(body: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signature = f"v1a,AAAA {SECRET.sign('evt_1', NOW, body.read_bytes())}"

    verify_request(body, secret=str(SECRET), id_="evt_1", timestamp=NOW, signature=signature)

    assert capsys.readouterr().out == "The request is genuine.\n"


def test_so_is_what_was_signed_by_a_private_key(body: Path) -> None:
    seed = bytes(range(32))
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    signature = SigningKey(seed).sign("evt_1", NOW, body.read_bytes())
    secret = public_key_text(public)

    verify_request(body, secret=secret, id_="evt_1", timestamp=NOW, signature=signature)

    with pytest.raises(NotVerified):
        verify_request(body, secret=secret, id_="evt_2", timestamp=NOW, signature=signature)


@pytest.mark.parametrize("id_", ["evt_2", ""])
def test_another_message_is_not(body: Path, id_: str) -> None:
    signature = SECRET.sign("evt_1", NOW, body.read_bytes())

    with pytest.raises(NotVerified, match="Not genuine"):
        verify_request(body, secret=str(SECRET), id_=id_, timestamp=NOW, signature=signature)


def test_a_secret_that_is_none_is_told(body: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither"):
        verify_request(body, secret="s", id_="evt_1", timestamp=NOW, signature="v1,AAAA")
