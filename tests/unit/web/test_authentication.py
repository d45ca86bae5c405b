"""Who asks."""

import base64
import hmac

import pytest

from muniment.domain.commands import ANONYMOUS
from muniment.domain.values import Principal
from muniment.web.authentication import Authenticator, BasicAuth, Policy, basic_credentials
from muniment.web.http import Headers, headers_of


def basic(credentials: str | bytes) -> Headers:
    raw = credentials.encode() if isinstance(credentials, str) else credentials
    return headers_of({"Authorization": f"Basic {base64.b64encode(raw).decode()}"})


class Fixed:
    """A policy that knows one user, or nobody."""

    def __init__(self, name: str, user: str | None, challenge: str = "Fixed") -> None:
        self.name = name
        self.challenge = challenge
        self._user = user

    async def authenticate(self, headers: Headers) -> Principal | None:
        return Principal(f"{self.name}:{self._user}") if self._user else None


async def test_a_basic_user_is_a_hash_of_its_credentials() -> None:
    """AUTH-3."""
    digest = hmac.new(b"secret", b"nadia:s3cr3t:x", "sha256").hexdigest()

    user_id = await BasicAuth(hmac_secret="secret").authenticate(basic("nadia:s3cr3t:x"))

    assert user_id == f"basicauth:{digest}"


async def test_another_password_is_another_user() -> None:
    """AUTH-3."""
    policy = BasicAuth(hmac_secret="secret")

    assert await policy.authenticate(basic("a:1")) != await policy.authenticate(basic("a:2"))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic bmFkaWE=",
        "Basic OnNlY3JldA==",
        "Bearer x",
        "basic\udcff é",
        "Basic a",
    ],
)
async def test_what_is_no_username_and_password_is_nobody(authorization: str) -> None:
    """AUTH-3: an empty username too; AUTH-1: no error by itself."""
    headers = headers_of({"Authorization": authorization})

    requester = await Authenticator([BasicAuth(hmac_secret="x")]).identify(headers)

    assert requester == ANONYMOUS


@pytest.mark.parametrize(
    "raw", [b"nadia:\xff", "nadia:é".encode(), b"a" * 5000 + b":b", b"a\0b:\0"]
)
async def test_credentials_of_any_bytes_make_a_user(raw: bytes) -> None:
    user_id = await BasicAuth(hmac_secret="x").authenticate(basic(raw))

    assert user_id is not None
    assert len(user_id) == len("basicauth:") + 64


def test_the_scheme_is_read_in_any_case() -> None:
    assert basic_credentials("bASIC bmFkaWE6eA==") == ("nadia", "x")


async def test_the_first_policy_that_accepts_decides() -> None:
    """AUTH-1."""
    policies = [Fixed("one", None), Fixed("two", "nadia"), Fixed("three", "omar")]

    requester = await Authenticator(policies).identify(basic("a:b"))

    assert requester.user_id == "two:nadia"


async def test_a_user_has_three_principals() -> None:
    """AUTH-5."""
    requester = await Authenticator([Fixed("one", "nadia")]).identify(basic("a:b"))

    assert requester.principals == {"one:nadia", "system.Authenticated", "system.Everyone"}


async def test_an_anonymous_requester_is_everyone_alone() -> None:
    """AUTH-5."""
    requester = await Authenticator([Fixed("one", "nadia")]).identify(headers_of({}))

    assert requester.principals == {"system.Everyone"}


def test_every_policy_has_its_challenge() -> None:
    """AUTH-7."""
    policies: list[Policy] = [
        Fixed("a", None, "Bearer x"),
        BasicAuth(hmac_secret=""),
        Fixed("b", None, "Bearer x"),
    ]

    assert Authenticator(policies).challenge == 'Bearer x, Basic realm="Realm"'


def test_there_is_always_a_challenge() -> None:
    """AUTH-7: on every 401."""
    assert Authenticator([]).challenge == 'Basic realm="Realm"'
