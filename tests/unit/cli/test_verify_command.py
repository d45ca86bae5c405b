"""`muniment webhooks verify`, by the vectors of Standard Webhooks and by hand."""

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from muniment.cli.verifying import NotVerified, verify_request
from muniment.cli.webhook_commands import webhooks
from muniment.domain.webhooks.keys import public_key_text
from muniment.runtime.errors import ConfigurationError
from muniment.webhooks.signing import Secret, SigningKey

SECRET = Secret(b"of the test, 24 bytes...")


@pytest.fixture
def now() -> str:
    """As receivers are told; asked for by each test, as all tests together last for minutes."""
    return str(int(time.time()))


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body"
    path.write_bytes(b'{"test": 1}')
    return path


def headers_of(signature: str, timestamp: str, *, id_: str = "evt_1") -> dict[str, str]:
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }


def test_what_was_signed_is_genuine(
    body: Path, capsys: pytest.CaptureFixture[str], now: str
) -> None:
    signature = f"v1a,AAAA {SECRET.sign('evt_1', now, body.read_bytes())}"

    verify_request(body, secret=str(SECRET), headers=headers_of(signature, now))

    assert capsys.readouterr().out == "The request is genuine.\n"


def test_so_is_what_was_signed_by_a_private_key(body: Path, now: str) -> None:
    seed = bytes(range(32))
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    signature = SigningKey(seed).sign("evt_1", now, body.read_bytes())
    secret = public_key_text(public)

    verify_request(body, secret=secret, headers=headers_of(signature, now))

    with pytest.raises(NotVerified):
        verify_request(body, secret=secret, headers=headers_of(signature, now, id_="evt_2"))


@pytest.mark.parametrize("id_", ["evt_2", ""])
def test_another_message_is_not(body: Path, id_: str, now: str) -> None:
    signature = SECRET.sign("evt_1", now, body.read_bytes())

    with pytest.raises(NotVerified, match="Not genuine"):
        verify_request(body, secret=str(SECRET), headers=headers_of(signature, now, id_=id_))


def test_a_secret_that_is_none_is_told(body: Path, now: str) -> None:
    with pytest.raises(ConfigurationError, match="neither"):
        verify_request(body, secret="s", headers=headers_of("v1,AAAA", now))


@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["wire", "editor"])
def test_a_request_that_was_saved_whole_needs_no_options(
    tmp_path: Path, end: str, now: str
) -> None:
    body = '{"test": "a\\r\\n"}'
    signature = SECRET.sign("evt_1", now, body.encode())
    head = ["POST /hook HTTP/1.1", f"Content-Length: {len(body)}", "Host: example.org:9000"]
    head += [f"{name.title()}: {text}" for name, text in headers_of(signature, now).items()]
    path = tmp_path / "request"
    path.write_bytes(f"{end.join(head)}{end}{end}{body}\n".encode())

    verify_request(path, secret=str(SECRET), headers={})


def test_a_request_without_its_headers_says_which_is_missing(body: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"webhook-timestamp.*--timestamp"):
        verify_request(body, secret=str(SECRET), headers={"webhook-id": "evt_1"})


@pytest.mark.parametrize("seconds", [-301, 360], ids=["late", "early"])
def test_the_time_is_judged_as_receivers_do(body: Path, seconds: int) -> None:
    """By either kind of key, unless that is not wanted."""
    at = str(int(time.time()) + seconds)
    private = SigningKey(bytes(range(32)))
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
    keys = {
        str(SECRET): SECRET.sign("evt_1", at, body.read_bytes()),
        public_key_text(public.public_bytes_raw()): private.sign("evt_1", at, body.read_bytes()),
    }

    for secret, signature in keys.items():
        headers = headers_of(signature, at)
        with pytest.raises(NotVerified, match="--ignore-time"):
            verify_request(body, secret=secret, headers=headers)
        verify_request(body, secret=secret, headers=headers, ignores_time=True)


def test_a_time_that_is_none_is_told(body: Path) -> None:
    signature = SECRET.sign("evt_1", "noon", body.read_bytes())

    with pytest.raises(NotVerified, match="noon"):
        verify_request(body, secret=str(SECRET), headers=headers_of(signature, "noon"))


def test_a_file_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    given = ["verify", str(tmp_path / "none"), "--secret", str(SECRET)]

    done = CliRunner().invoke(webhooks, given)

    assert done.exit_code == 2
    assert "does not exist" in done.output
