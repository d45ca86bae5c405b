"""The browser's login: off to the provider, and back with what it answered (OID-1, OID-2)."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject
from muniment.openid.provider import Provider, ProviderRefused
from muniment.openid.states import LoginStates
from muniment.web.errors import error, invalid
from muniment.web.http import PREFIX, Request, Response
from muniment.web.pipeline import Unavailable

CALLBACK_CHARS_MAX: Final = 2_000
SCOPE_CHARS_MAX: Final = 1_000

_UNCACHED: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What we are to the provider."""

    provider: str
    """Its name in paths."""
    client_id: str
    client_secret: str
    callback_origins: frozenset[str]
    """Where tokens may be sent to."""


class Login:
    """Answers `/openid/{provider}/login` and `/openid/{provider}/token`; raises `Unavailable`."""

    def __init__(self, provider: Provider, states: LoginStates, client: Client) -> None:
        self._provider = provider
        self._states = states
        self._client = client

    async def begin(self, request: Request) -> Response:
        """307 to the provider's page (OID-1)."""
        asked = dict(request.query)
        if faults := (*self._provider_faults(request), *self._login_faults(asked)):
            return invalid(faults)
        endpoint = (await self._provider.discovery()).authorization_endpoint
        parameters = {
            "client_id": self._client.client_id,
            "response_type": "code",
            "scope": asked["scope"],
            "redirect_uri": self._redirect_uri(request),
            "state": await self._states.begin(self._client.provider, asked["callback"]),
        }
        if "prompt" in asked:
            parameters["prompt"] = asked["prompt"]
        separator = "&" if urlsplit(endpoint).query else "?"
        return _redirect(f"{endpoint}{separator}{urlencode(parameters)}")

    async def end(self, request: Request) -> Response:
        """307 to the callback, with the provider's answer (OID-2)."""
        asked = dict(request.query)
        required = tuple(_required(name) for name in ("code", "state") if not asked.get(name))
        if faults := (*self._provider_faults(request), *required):
            return invalid(faults)
        callback = await self._states.end(self._client.provider, asked["state"])
        if callback is None:
            return _invalid_state()
        form = {
            "code": asked["code"],
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret,
            "redirect_uri": self._redirect_uri(request),
            "grant_type": "authorization_code",
        }
        try:
            answer = await self._provider.trade(form)
        except ProviderRefused as refused:
            description = f"The provider did not take the code: {refused}"
            return invalid((_fault("code", description),))
        except Unavailable:
            # A 503 says that the same request may be sent again (SIG-2).
            await self._states.put_back(self._client.provider, asked["state"], callback)
            raise
        return _redirect(f"{callback}{quote(base64.b64encode(answer), safe='')}")

    def _redirect_uri(self, request: Request) -> str:
        return f"{request.base_url}{PREFIX}/openid/{self._client.provider}/token"

    def _provider_faults(self, request: Request) -> tuple[Fault, ...]:
        given, known = request.target.id, self._client.provider
        if given == known:
            return ()
        description = f'"{given}" is not one of {known}'
        return (Fault(location="path", name="provider", description=description),)

    def _login_faults(self, asked: dict[str, str]) -> Sequence[Fault]:
        faults = [_required(name) for name in ("callback", "scope") if not asked.get(name)]
        if len(asked.get("scope", "")) > SCOPE_CHARS_MAX:
            faults.append(_fault("scope", "Longer than maximum length"))
        if asked.get("prompt", "none") != "none":
            faults.append(_fault("prompt", "Only none is a prompt that one can ask for"))
        if asked.get("callback") and not self._may_call_back(asked["callback"]):
            faults.append(_fault("callback", "Must be a URL at an origin that is let in"))
        return faults

    def _may_call_back(self, callback: str) -> bool:
        """Whether a token may go there: it lets its bearer in here."""
        if len(callback) > CALLBACK_CHARS_MAX or not (
            callback.isascii() and callback.isprintable()
        ):
            return False
        try:
            url = urlsplit(callback)
            has_host = bool(url.hostname) and url.port != 0
        except ValueError:
            return False
        is_plain = url.username is None and not set(callback) & set(' \\"<>')
        if url.scheme not in ("http", "https") or not has_host or not is_plain:
            return False
        origins = self._client.callback_origins
        return "*" in origins or f"{url.scheme}://{url.netloc}".lower() in origins


def _redirect(location: str) -> Response:
    headers = {"Location": location, **_UNCACHED}
    return Response(status=HTTPStatus.TEMPORARY_REDIRECT, headers=headers, body=b"{}")


def _invalid_state() -> Response:
    entry: JsonObject = {
        "location": "body",
        "name": "state",
        "description": "Invalid state",
        "errno": 105,
    }
    return error(400, 107, "Invalid state", title="Invalid parameters", details=[entry])


def _required(name: str) -> Fault:
    return _fault(name, "Required")


def _fault(name: str, description: str) -> Fault:
    return Fault(location="querystring", name=name, description=description)
