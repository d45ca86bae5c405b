"""The policy `openid`: bearer tokens of the issuer (AUTH-4)."""

from muniment.domain.values import JsonObject, Principal
from muniment.openid.tokens import Tokens, profile_of, user_name
from muniment.web.authentication import REALM
from muniment.web.http import Headers

HEADER_TYPE = "Bearer"


class OpenIdPolicy:
    """Who has a token; the user id is `<provider>:<sub>`, or another claim in place of `sub`."""

    challenge = f"{HEADER_TYPE} {REALM}"

    def __init__(self, tokens: Tokens, *, provider: str, userid_field: str) -> None:
        self._tokens = tokens
        self._provider = provider
        self._userid_field = userid_field

    @property
    def name(self) -> str:
        """As `auth_policies` calls it."""
        return "openid"

    async def authenticate(self, headers: Headers) -> Principal | None:
        """The user id, for a token that is good. Raises `Unavailable`."""
        claims = await self._claims(headers)
        name = None if claims is None else user_name(claims, self._userid_field)
        return None if name is None else Principal(f"{self._provider}:{name}")

    async def profile(self, headers: Headers) -> JsonObject | None:
        """What the issuer says of the user (HELLO-2). Raises `Unavailable`."""
        claims = await self._claims(headers)
        return None if claims is None else profile_of(claims)

    async def _claims(self, headers: Headers) -> JsonObject | None:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != HEADER_TYPE.lower():
            return None
        return await self._tokens.claims_of(token.strip())
