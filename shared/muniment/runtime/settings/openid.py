"""Settings of the OpenID Connect issuer whose tokens are taken."""

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from muniment.runtime.settings.fields import Subject, Words

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
_TAKEN = frozenset({"account", "basicauth", "system"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class OpenIdSettings(Subject):
    title: ClassVar[str] = "OpenID Connect"

    openid_issuer: str | None = Field(
        default=None,
        description="URL of the issuer, as in its tokens; its discovery document is below it.",
    )
    openid_client_id: str | None = Field(
        default=None, description="What this service is called at the issuer."
    )
    openid_client_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret with which codes of a login are traded."
    )
    openid_audience: str | None = Field(
        default=None,
        description="Audience that tokens must be for; unset: `openid_client_id`.",
    )
    openid_provider: str = Field(
        default="openid",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$",
        description="Name of the provider: in `/v1/openid/<name>/login`, and before the colon of "
        "user ids.",
    )
    openid_userid_field: str = Field(
        default="sub",
        min_length=1,
        description="Claim that user ids are made of; `email` is taken only if it is verified.",
    )
    openid_algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256", "ES256", "EdDSA"),
        min_length=1,
        description="Algorithms that tokens may be signed with.",
    )
    openid_callback_origins: Words = Field(
        default=(),
        description="Origins that a login may hand its token to; none named: `cors_origins`.",
    )
    openid_userinfo_enabled: bool = Field(
        default=False,
        description="Take tokens that are no JWT when the issuer's userinfo endpoint knows them; "
        "nothing tells whether they were meant for this service.",
    )
    openid_clock_skew_seconds: int = Field(
        default=30, ge=0, le=600, description="Seconds by which the issuer's clock may be off."
    )
    openid_keys_ttl_seconds: float = Field(
        default=3600,
        gt=0,
        description="Seconds after which the issuer's keys and endpoints are asked for anew.",
    )
    openid_keys_refetch_seconds: float = Field(
        default=10,
        gt=0,
        description="Seconds that pass at least between two fetches of keys, however many tokens "
        "name unknown ones.",
    )
    openid_request_timeout_s: float = Field(
        default=5, gt=0, description="Seconds that the issuer has for an answer."
    )
    openid_state_ttl_seconds: float = Field(
        default=3600, gt=0, description="Seconds that a login may take at the provider."
    )

    @field_validator("openid_algorithms", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("openid_provider")
    @classmethod
    def _is_no_policy(cls, name: str) -> str:
        if name in _TAKEN:
            raise ValueError("user ids of something else begin so")
        return name

    @field_validator("openid_issuer")
    @classmethod
    def _is_secure(cls, issuer: str | None) -> str | None:
        if issuer is None:
            return None
        url = urlsplit(issuer)
        is_here = url.scheme == "http" and url.hostname in _LOOPBACK
        if not url.hostname or not (url.scheme == "https" or is_here):
            raise ValueError("it is not an https:// URL")
        if url.query or url.fragment:
            raise ValueError("it has a query or a fragment, and an issuer has neither")
        return issuer
