"""The part of a process that knows the OpenID issuer, put together here."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from muniment.accounts.durable import open_durable
from muniment.accounts.side import Accounts
from muniment.domain.values import JsonObject, JsonValue
from muniment.openid.login import Client, Login
from muniment.openid.policy import HEADER_TYPE, OpenIdPolicy
from muniment.openid.provider import Provider
from muniment.openid.states import LoginStates
from muniment.openid.tokens import Expected, Tokens
from muniment.runtime.errors import ConfigurationError
from muniment.runtime.settings import Settings
from muniment.web.edge import DOCS_URL, Edge
from muniment.web.endpoints import Endpoint
from muniment.web.http import Handler

CONNECTIONS_MAX: Final = 10


class OpenId:
    """The policy `openid`, and the handlers of the login."""

    def __init__(
        self, settings: Settings, provider: Provider, policy: OpenIdPolicy, login: Login
    ) -> None:
        self._settings = settings
        self._provider = provider
        self.policy = policy
        self._login = login

    def capabilities(self) -> dict[str, JsonObject]:
        """The capability `openid` (table 3.3)."""
        settings = self._settings
        provider: dict[str, JsonValue] = {
            "name": settings.openid_provider,
            "issuer": settings.openid_issuer,
            "auth_path": f"/openid/{settings.openid_provider}/login",
            "client_id": settings.openid_client_id,
            "audience": settings.openid_audience,
            "header_type": HEADER_TYPE,
            "userinfo_endpoint": self._provider.userinfo_endpoint,
        }
        description = "Users log in at an OpenID Connect provider."
        return {
            "openid": {"description": description, "url": DOCS_URL, "providers": [provider]},
        }

    def handlers(self) -> dict[Endpoint, Handler]:
        """What answers for the endpoints of the login."""
        return {
            Endpoint.OPENID_LOGIN: self._login.begin,
            Endpoint.OPENID_TOKEN: self._login.end,
        }


@asynccontextmanager
async def open_openid(settings: Settings) -> AsyncGenerator[OpenId | None]:
    """OpenID, where the policies name it.

    Raises `ConfigurationError` where the settings do not say enough. The issuer is asked for
    nothing before it is needed.
    """
    if "openid" not in settings.auth_policies:
        yield None
        return
    issuer, client_id = settings.openid_issuer, settings.openid_client_id
    if issuer is None or client_id is None:
        raise ConfigurationError(
            "auth_policies names openid: set openid_issuer and openid_client_id as well."
        )
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=settings.openid_request_timeout_s),
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    async with session, open_durable(settings) as durable:
        provider = Provider(
            session,
            issuer=issuer,
            keys_ttl_s=settings.openid_keys_ttl_seconds,
            refetch_s=settings.openid_keys_refetch_seconds,
        )
        tokens = Tokens(
            provider,
            Expected(
                issuer=issuer,
                audiences=(settings.openid_audience or client_id,),
                algorithms=settings.openid_algorithms,
                leeway_s=settings.openid_clock_skew_seconds,
            ),
            is_userinfo_asked=settings.openid_userinfo_enabled,
        )
        states = LoginStates(durable, ttl_s=settings.openid_state_ttl_seconds)
        client = Client(
            provider=settings.openid_provider,
            client_id=client_id,
            client_secret=settings.openid_client_secret.get_secret_value(),
            callback_origins=callback_origins(settings),
        )
        policy = OpenIdPolicy(
            tokens, provider=settings.openid_provider, userid_field=settings.openid_userid_field
        )
        looking_up = asyncio.create_task(provider.introduce(), name="openid.introduce")
        try:
            yield OpenId(settings, provider, policy, Login(provider, states, client))
        finally:
            looking_up.cancel()
            await asyncio.wait([looking_up])


def make_edge(settings: Settings, accounts: Accounts | None, openid: OpenId | None) -> Edge:
    """The edge with all the policies that the settings name. Raises `ConfigurationError`."""
    policies = [part.policy for part in (accounts, openid) if part is not None]
    if openid is None:
        return Edge(settings, policies=policies)
    return Edge(settings, policies=policies, more_capabilities=openid.capabilities)


def callback_origins(settings: Settings) -> frozenset[str]:
    """Where tokens may be sent to."""
    origins = settings.openid_callback_origins or settings.cors_origins
    return frozenset(origin.rstrip("/").lower() for origin in origins)
