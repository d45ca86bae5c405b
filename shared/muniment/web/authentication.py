"""Who asks: policies turn credentials into a user id, the first that accepts them decides."""

import base64
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol, runtime_checkable

from muniment.domain.commands import ANONYMOUS, Requester, authenticated
from muniment.domain.values import JsonObject, Principal
from muniment.web.http import Headers

REALM: Final = 'realm="Realm"'

_CACHED_CHARS_MAX: Final = 512
"""Longer `Authorization` headers are worked out each time, so that the cache stays small."""
_CACHED_USERS_MAX: Final = 4096


class Policy(Protocol):
    """One way to authenticate."""

    @property
    def name(self) -> str:
        """What user ids of this policy begin with."""
        ...

    @property
    def challenge(self) -> str:
        """What `WWW-Authenticate` says."""
        ...

    async def authenticate(self, headers: Headers) -> Principal | None:
        """The user id, or `None` for credentials that are not this policy's or are wrong."""
        ...


@runtime_checkable
class Profiled(Protocol):
    """A policy that knows more of its users than their ids."""

    async def profile(self, headers: Headers) -> JsonObject | None:
        """What is known of the user whose credentials these are; `None` for no user of its own."""
        ...


class Authenticator:
    """All policies, in their order (AUTH-1). Groups join the principals here, in step 2."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = tuple(policies)
        self._requester = lru_cache(maxsize=_CACHED_USERS_MAX)(authenticated)

    @property
    def challenge(self) -> str:
        """The challenges of all policies, each once (AUTH-7)."""
        challenges = [policy.challenge for policy in self._policies] or [f"Basic {REALM}"]
        return ", ".join(dict.fromkeys(challenges))

    async def identify(self, headers: Headers) -> Requester:
        """The requester; credentials that nobody accepts are those of an anonymous one."""
        if "Authorization" not in headers:
            return ANONYMOUS
        for policy in self._policies:
            if (user_id := await policy.authenticate(headers)) is not None:
                return self._requester(user_id)
        return ANONYMOUS

    async def profile(self, headers: Headers) -> JsonObject | None:
        """What the policy that accepts the credentials knows of their user."""
        for policy in self._policies:
            if await policy.authenticate(headers) is not None:
                return await policy.profile(headers) if isinstance(policy, Profiled) else None
        return None


class BasicAuth:
    """Any username with any password is a user of its own (AUTH-3): for development."""

    name = "basicauth"
    challenge = f"Basic {REALM}"

    def __init__(self, *, hmac_secret: str) -> None:
        self._secret = hmac_secret.encode()
        self._cached_user_id = lru_cache(maxsize=_CACHED_USERS_MAX)(self._user_id)

    async def authenticate(self, headers: Headers) -> Principal | None:
        """The user id, for every username but the empty one."""
        authorization = headers.get("Authorization", "")
        if len(authorization) > _CACHED_CHARS_MAX:
            return self._user_id(authorization)
        return self._cached_user_id(authorization)

    def _user_id(self, authorization: str) -> Principal | None:
        credentials = basic_credentials(authorization)
        if credentials is None or not credentials[0]:
            return None
        digest = hmac.new(self._secret, ":".join(credentials).encode(), "sha256")
        return Principal(f"{self.name}:{digest.hexdigest()}")


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Username and password of a Basic `Authorization` header; `None` for anything else."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:  # Of base64 and of text outside ASCII alike.
        return None
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    username, colon, password = text.partition(":")
    return (username, password) if colon else None
