"""The issuer over HTTPS: what it says of itself, and the keys that it signs with.

Nothing is ever fetched from where a token says (`iss`, `jku`, `x5u`): only from the issuer of the
settings, and from the endpoints that its own discovery document names.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from pydantic import BaseModel, ConfigDict, ValidationError

from muniment.domain.values import JsonObject, JsonValue
from muniment.runtime.logs import get_logger
from muniment.web.pipeline import Unavailable

log: Final = get_logger(__name__)

SigningKey = RSAKey | ECKey | OKPKey
"""Public keys only: one that both sides share could be used to sign as well."""

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
ANSWER_BYTES_MAX: Final = 1024 * 1024
KEYS_MAX: Final = 100
INTRODUCE_EVERY_S: Final = 30.0


class ProviderRefused(Exception):
    """The provider answered that it will not; the message says with which status."""


class Discovery(BaseModel):
    """What is needed of the discovery document."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None


class _KeySet(BaseModel):
    model_config = ConfigDict(extra="ignore")

    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    by_id: Mapping[str | None, SigningKey]
    fetched_s: float


class Provider:
    """One issuer. What it says is kept for a while, and asked for again where it falls short."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        issuer: str,
        keys_ttl_s: float,
        refetch_s: float,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._issuer = issuer
        self._keys_ttl_s = keys_ttl_s
        self._refetch_s = refetch_s
        self._timer = timer
        self._discovered: tuple[float, Discovery] | None = None
        self._keys: _Keys | None = None
        self._tried_s = float("-inf")
        self._fetching = asyncio.Lock()

    @property
    def userinfo_endpoint(self) -> str | None:
        """The endpoint, as soon as the provider was heard of."""
        return None if self._discovered is None else self._discovered[1].userinfo_endpoint

    async def introduce(self) -> None:
        """Get to know the provider, however long it is away: nobody waits for it."""
        while self._discovered is None:
            try:
                await self.discovery()
            except Unavailable as error:
                log.warning("openid.provider_away", reason=str(error), retry_s=INTRODUCE_EVERY_S)
                await asyncio.sleep(INTRODUCE_EVERY_S)

    async def discovery(self) -> Discovery:
        """The discovery document. Raises `Unavailable`."""
        known = self._discovered
        if known is not None and self._timer() - known[0] < self._keys_ttl_s:
            return known[1]
        try:
            text = await self._get(self._issuer.rstrip("/") + DISCOVERY_PATH)
            found = self._checked(Discovery.model_validate_json(text))
        except (Unavailable, ProviderRefused, ValidationError, ValueError) as error:
            if known is not None:
                log.warning("openid.discovery_failed", reason=str(error))
                return known[1]
            raise Unavailable(f"the OpenID issuer cannot be used: {error}") from error
        self._discovered = (self._timer(), found)
        return found

    async def key(self, key_id: str | None) -> SigningKey | None:
        """The key of that id; a token without one is of the only key there is.

        An id that is not known makes the keys be fetched again, but not more often than every
        `refetch_s`: anybody can make up ids. Raises `Unavailable` as long as there are no keys.
        """
        keys = self._keys
        if keys is None or self._timer() - keys.fetched_s > self._keys_ttl_s:
            keys = await self._fetch_keys(older_than=keys)
        found = _pick(keys, key_id)
        if found is None:
            keys = await self._fetch_keys(older_than=keys)
            found = _pick(keys, key_id)
        return found

    async def userinfo(self, token: str) -> JsonObject | None:
        """What the provider says of the token's user; `None` for a token it does not take."""
        endpoint = (await self.discovery()).userinfo_endpoint
        if endpoint is None:
            return None
        try:
            text = await self._get(endpoint, {"Authorization": f"Bearer {token}"})
            claims: JsonValue = orjson.loads(text)
        except (ProviderRefused, orjson.JSONDecodeError):
            return None
        return claims if isinstance(claims, Mapping) else None

    async def trade(self, form: Mapping[str, str]) -> bytes:
        """The token endpoint's answer. Raises `ProviderRefused` and `Unavailable`."""
        endpoint = (await self.discovery()).token_endpoint
        try:
            async with self._session.post(
                endpoint,
                data=dict(form),
                headers={"Accept": "application/json"},
                allow_redirects=False,
            ) as answer:
                text = await _read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the OpenID provider does not answer: {error!r}") from error
        try:
            is_object = isinstance(orjson.loads(text), dict)
        except orjson.JSONDecodeError:
            is_object = False
        if not is_object:
            raise ProviderRefused("it answered with no JSON object")
        return text

    def _checked(self, found: Discovery) -> Discovery:
        """The document of that issuer and no other, without a step down from HTTPS."""
        if found.issuer.rstrip("/") != self._issuer.rstrip("/"):
            raise ValueError(f"its discovery document is of {found.issuer}")
        is_secure = urlsplit(self._issuer).scheme == "https"
        endpoints = (
            found.authorization_endpoint,
            found.token_endpoint,
            found.jwks_uri,
            found.userinfo_endpoint,
        )
        for endpoint in endpoints:
            if is_secure and endpoint is not None and urlsplit(endpoint).scheme != "https":
                raise ValueError(f"its endpoint {endpoint} is not HTTPS")
        return found

    async def _fetch_keys(self, *, older_than: _Keys | None) -> _Keys:
        async with self._fetching:
            known = self._keys
            if known is not None and known is not older_than:
                return known  # Somebody else has just been there.
            if known is not None and self._timer() - self._tried_s < self._refetch_s:
                return known
            self._tried_s = self._timer()
            try:
                text = await self._get((await self.discovery()).jwks_uri)
                by_id = _read_keys(text)
            except (Unavailable, ProviderRefused, ValidationError) as error:
                if known is not None:
                    log.warning("openid.keys_failed", reason=str(error))
                    return known
                raise Unavailable(f"the OpenID issuer's keys cannot be had: {error}") from error
            self._keys = _Keys(by_id=by_id, fetched_s=self._timer())
            return self._keys

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> bytes:
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                return await _read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the OpenID provider does not answer: {error!r}") from error


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Unavailable(f"the OpenID provider answered {answer.status}")
    if answer.status != HTTPStatus.OK:
        raise ProviderRefused(f"it answered {answer.status}")
    text = bytearray()
    async for chunk in answer.content.iter_any():
        text += chunk
        if len(text) > ANSWER_BYTES_MAX:
            raise ProviderRefused("its answer is too long")
    return bytes(text)


def _pick(keys: _Keys, key_id: str | None) -> SigningKey | None:
    if key_id is None and len(keys.by_id) == 1:
        return next(iter(keys.by_id.values()))
    return keys.by_id.get(key_id)


def _read_keys(text: bytes) -> dict[str | None, SigningKey]:
    """The keys that tokens may be signed with; those that nobody here understands are left out."""
    by_id: dict[str | None, SigningKey] = {}
    for given in _KeySet.model_validate_json(text).keys[:KEYS_MAX]:
        if given.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(given)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, SigningKey):
            by_id[key.kid] = key
    return by_id
