"""Tokens of an issuer on loopback: which ones are taken, and what is asked of it (AUTH-4)."""

import base64
import hmac
import time
from collections.abc import AsyncGenerator, Generator
from typing import Any

import aiohttp
import orjson
import pytest
from joserfc.jwk import ECKey, RSAKey

from muniment.openid.policy import OpenIdPolicy
from muniment.openid.provider import Provider
from muniment.openid.tokens import Expected, Tokens
from muniment.web.http import headers_of
from muniment.web.pipeline import Unavailable
from tests.support.issuer import CLIENT_ID, OPAQUE_TOKEN, Issuer, running_issuer


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture
def issuer() -> Generator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def session() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def provider(issuer: Issuer, session: aiohttp.ClientSession, clock: Clock) -> Provider:
    return Provider(session, issuer=issuer.url, keys_ttl_s=3600, refetch_s=10, timer=clock)


@pytest.fixture
def policy(issuer: Issuer, provider: Provider, clock: Clock) -> OpenIdPolicy:
    return policy_of(issuer, provider, clock)


def policy_of(issuer: Issuer, provider: Provider, clock: Clock, **options: Any) -> OpenIdPolicy:
    field = options.pop("userid_field", "sub")
    expected = Expected(
        issuer=issuer.url,
        audiences=(CLIENT_ID,),
        algorithms=("RS256", "ES256"),
        leeway_s=5,
    )
    tokens = Tokens(provider, expected, now_s=clock, **options)
    return OpenIdPolicy(tokens, provider="auth0", userid_field=field)


async def user_of(policy: OpenIdPolicy, token: str, scheme: str = "Bearer") -> str | None:
    return await policy.authenticate(headers_of({"Authorization": f"{scheme} {token}"}))


def encoded(part: dict[str, Any]) -> str:
    """A part of a token that a test puts together by hand."""
    return base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode()


def keys_fetched(issuer: Issuer) -> int:
    return issuer.asked.count("/keys")


async def test_a_good_token_lets_its_user_in(issuer: Issuer, policy: OpenIdPolicy) -> None:
    """AUTH-4: the id is made of the provider's name and the claim `sub`."""
    assert await user_of(policy, issuer.token()) == "auth0:nadia"
    assert await user_of(policy, issuer.token(), scheme="bearer") == "auth0:nadia"
    assert await user_of(policy, issuer.token(aud=["other", CLIENT_ID])) == "auth0:nadia"


async def test_a_verified_token_is_not_verified_again(
    issuer: Issuer, policy: OpenIdPolicy, clock: Clock
) -> None:
    """AUTH-4: it is cached, and not beyond its end."""
    token = issuer.token()
    assert await user_of(policy, token) == "auth0:nadia"
    issuer.is_down = True
    asked = list(issuer.asked)

    assert await user_of(policy, token) == "auth0:nadia"
    clock.ahead_s = 70
    assert await user_of(policy, token) is None
    assert issuer.asked == asked


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example.org"},
        {"aud": "somebody-else"},
        {"aud": None},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"exp": "never"},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"sub": None},
        {"sub": 12},
        {"sub": ""},
        {"sub": "n\n"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_lets_nobody_in(
    issuer: Issuer, policy: OpenIdPolicy, claims: dict[str, Any]
) -> None:
    """AUTH-4: issuer, audience and times are as important as the signature."""
    assert await user_of(policy, issuer.token(**claims)) is None


async def test_only_the_issuers_own_keys_count(issuer: Issuer, policy: OpenIdPolicy) -> None:
    """A stranger's key, also under the id of a real one, and the public key as a shared one."""
    real = issuer.keys[0]
    assert isinstance(real, RSAKey)
    stranger = RSAKey.generate_key(2048, {"kid": real.kid or ""})
    _, payload, _ = issuer.token().split(".")
    signed = f"{encoded({'alg': 'HS256', 'kid': real.kid})}.{payload}"
    digest = hmac.digest(real.as_pem(private=False), signed.encode(), "sha256")
    shared = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    assert await user_of(policy, issuer.token(key=stranger)) is None
    assert await user_of(policy, f"{signed}.{shared}") is None
    assert await user_of(policy, issuer.token(alg="PS256")) is None


async def test_a_token_without_a_signature_lets_nobody_in(
    issuer: Issuer, policy: OpenIdPolicy
) -> None:
    """`alg: none` is what attackers try first."""
    header = {"alg": "none", "kid": issuer.keys[0].kid}
    _, payload, _ = issuer.token().split(".")

    assert await user_of(policy, f"{encoded(header)}.{payload}.") is None


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "e30.e30.e30", "ü.ü.ü", "opaque"])
async def test_what_is_no_token_asks_the_issuer_for_nothing(
    issuer: Issuer, policy: OpenIdPolicy, token: str
) -> None:
    assert await user_of(policy, token) is None
    assert issuer.asked == []


async def test_a_token_that_names_another_place_is_not_followed(
    issuer: Issuer, policy: OpenIdPolicy
) -> None:
    """Nothing is fetched from where a token says: only the issuer of the settings is asked."""
    with running_issuer() as other:
        assert await user_of(policy, other.token()) is None
        assert other.asked == []


async def test_new_keys_are_fetched_when_a_token_names_one(
    issuer: Issuer, policy: OpenIdPolicy, clock: Clock
) -> None:
    """Rotation: nobody has to be told; the old key is not taken any more."""
    old = issuer.token()
    assert await user_of(policy, old) == "auth0:nadia"
    before = issuer.keys[0]
    issuer.rotate(ECKey.generate_key("P-256", auto_kid=True))
    clock.ahead_s = 11

    assert await user_of(policy, issuer.token(alg="ES256", exp=4_000_000_000)) == "auth0:nadia"
    late = issuer.token(key=before, sub="late", exp=4_000_000_000)
    assert await user_of(policy, late) is None
    assert keys_fetched(issuer) == 2


async def test_made_up_key_ids_do_not_make_the_issuer_busy(
    issuer: Issuer, policy: OpenIdPolicy, clock: Clock
) -> None:
    """Anybody can name a key that there never was: fetches are bounded."""
    await user_of(policy, issuer.token())
    clock.ahead_s = 11

    for _ in range(20):
        unknown = ECKey.generate_key("P-256", auto_kid=True)
        assert (
            await user_of(policy, issuer.token(key=unknown, alg="ES256", exp=4_000_000_000)) is None
        )

    assert keys_fetched(issuer) <= 2


async def test_keys_are_kept_while_the_issuer_is_away(
    issuer: Issuer, policy: OpenIdPolicy, clock: Clock
) -> None:
    """Who has a token is let in all the same; once it is back it is asked again."""
    await user_of(policy, issuer.token())
    issuer.is_down = True
    clock.ahead_s = 4000

    assert await user_of(policy, issuer.token(exp=4_000_000_000)) == "auth0:nadia"


async def test_without_any_key_nothing_can_be_said(issuer: Issuer, policy: OpenIdPolicy) -> None:
    """503, not 401: the token may well be good. Once the issuer is there, all is well."""
    issuer.is_down = True
    with pytest.raises(Unavailable):
        await user_of(policy, issuer.token())

    issuer.is_down = False
    assert await user_of(policy, issuer.token()) == "auth0:nadia"


async def test_a_discovery_document_of_another_issuer_is_refused(
    issuer: Issuer, policy: OpenIdPolicy
) -> None:
    """OpenID Connect Discovery 4.3."""
    issuer.discovery_extra = {"issuer": "https://elsewhere.example.org"}

    with pytest.raises(Unavailable):
        await user_of(policy, issuer.token())


async def test_keys_that_nobody_here_understands_are_left_out(
    issuer: Issuer, policy: OpenIdPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An issuer may list keys for encryption, and of kinds that are yet to come."""
    answer = Issuer.answer

    def with_more(self: Issuer, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        status, content = answer(self, path, headers, body)
        if path == "/keys":
            odd = [{"kty": "new"}, {"kty": "RSA", "kid": "broken"}, {}]
            content["keys"] = [*odd, *content["keys"]]
        return status, content

    monkeypatch.setattr(Issuer, "answer", with_more)

    assert await user_of(policy, issuer.token()) == "auth0:nadia"


async def test_opaque_tokens_are_looked_up_where_that_is_switched_on(
    issuer: Issuer, provider: Provider, clock: Clock
) -> None:
    """`openid_userinfo_enabled`: the issuer's userinfo endpoint is asked, once."""
    asking = policy_of(issuer, provider, clock, is_userinfo_asked=True)

    assert await user_of(asking, OPAQUE_TOKEN) == "auth0:pia"
    assert await user_of(asking, OPAQUE_TOKEN) == "auth0:pia"
    assert issuer.asked.count("/userinfo") == 1
    assert await user_of(asking, "unknown") is None


async def test_an_address_counts_only_if_it_was_verified(
    issuer: Issuer, provider: Provider, clock: Clock
) -> None:
    """AUTH-4: `<policy name>:<e-mail>`; anybody can claim an address."""
    by_address = policy_of(issuer, provider, clock, userid_field="email")

    own = issuer.token(email="nadia@example.org", email_verified=True)
    claimed = issuer.token(email="omar@example.org", email_verified=False)

    assert await user_of(by_address, own) == "auth0:nadia@example.org"
    assert await user_of(by_address, claimed) is None


async def test_the_profile_is_what_is_known_of_the_user(
    issuer: Issuer, policy: OpenIdPolicy
) -> None:
    """HELLO-2: without the claims that are about the token."""
    headers = headers_of({"Authorization": f"Bearer {issuer.token(name='Nadia')}"})

    assert await policy.profile(headers) == {"sub": "nadia", "name": "Nadia"}
