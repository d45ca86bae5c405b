"""Bearer tokens: whether the issuer has signed them for us, and of whom they tell."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cachetools import TLRUCache
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from muniment.domain.values import JsonObject
from muniment.openid.provider import Provider

TOKENS_KEPT_MAX: Final = 10_000
KEPT_S_MAX: Final = 300.0
"""A token that was verified is held against the issuer's keys again after that time."""

_OF_THE_TOKEN: Final = frozenset(
    {"iss", "aud", "exp", "nbf", "iat", "jti", "azp", "nonce", "at_hash", "c_hash", "auth_time"}
    | {"acr", "amr", "sid", "typ", "scope", "client_id", "permissions"}
)
"""Claims about the token, and not about its user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must say."""

    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    leeway_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verified:
    claims: JsonObject
    kept_until_s: float


class Tokens:
    """Verifies tokens; what was verified is kept until it expires, a few minutes at most."""

    def __init__(
        self,
        provider: Provider,
        expected: Expected,
        *,
        is_userinfo_asked: bool = False,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._expected = expected
        self._is_userinfo_asked = is_userinfo_asked
        self._now_s = now_s
        # As the issuer has the same clock for all its keys, one registry does.
        self._claims = JWTClaimsRegistry(
            now=lambda: int(now_s()),
            leeway=expected.leeway_s,
            iss={"essential": True, "value": expected.issuer},
            aud={"essential": True, "values": list(expected.audiences)},
            exp={"essential": True},
        )
        self._verified: TLRUCache[bytes, _Verified] = TLRUCache(
            TOKENS_KEPT_MAX, lambda _, kept, __: kept.kept_until_s, timer=now_s
        )

    async def claims_of(self, token: str) -> JsonObject | None:
        """What a token says of its user; `None` for one that is not good. Raises `Unavailable`."""
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        kept = self._verified.get(key)
        if kept is not None:
            return kept.claims
        is_jwt = token.count(".") == 2
        if is_jwt:
            claims = await self._verify(token)
        else:
            claims = await self._ask(token) if self._is_userinfo_asked else None
        if claims is not None:
            until_s = self._now_s() + KEPT_S_MAX
            expiry = claims.get("exp")
            if is_jwt and isinstance(expiry, int | float):
                until_s = min(until_s, expiry + self._expected.leeway_s)
            self._verified[key] = _Verified(claims=claims, kept_until_s=until_s)
        return claims

    async def _verify(self, token: str) -> JsonObject | None:
        key_id = _key_id(token, self._expected.algorithms)
        if key_id is _UNFIT:
            return None
        key = await self._provider.key(key_id or None)
        if key is None:
            return None
        try:
            # The algorithms are asymmetric ones of the settings: neither "none" nor a shared key.
            found = jwt.decode(token, key, algorithms=list(self._expected.algorithms))
            self._claims.validate(found.claims)
        except (JoseError, ValueError, TypeError):
            return None
        return found.claims

    async def _ask(self, token: str) -> JsonObject | None:
        if not token or not token.isascii() or not token.isprintable():
            return None
        return await self._provider.userinfo(token)


_UNFIT: Final = "\0"
"""Stands for a token that no key is worth being looked for."""


def _key_id(token: str, algorithms: Sequence[str]) -> str:
    """The `kid` that the token names, empty if none; read before anything is fetched for it."""
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError):
        return _UNFIT
    key_id = header.get("kid", "")
    if header.get("alg") not in algorithms or not isinstance(key_id, str) or "crit" in header:
        return _UNFIT
    return key_id


def profile_of(claims: JsonObject) -> JsonObject:
    """What the root view tells a user of what the issuer tells us."""
    return {name: value for name, value in claims.items() if name not in _OF_THE_TOKEN}


def user_name(claims: JsonObject, field: str) -> str | None:
    """The user's name at the issuer; an address that is not the user's own is none."""
    name = claims.get(field)
    if not isinstance(name, str) or not 0 < len(name) <= 512 or not name.isprintable():
        return None
    if field == "email" and claims.get("email_verified") is False:
        return None
    return name
