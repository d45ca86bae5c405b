"""Settings of who may do what: authentication, secrets, principals with a right everywhere."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, SecretStr

from muniment.runtime.settings.fields import Subject, Words

Policy = Literal["account", "basicauth", "openid"]
Policies = Annotated[
    tuple[Policy, ...],
    BeforeValidator(lambda value: value.split() if isinstance(value, str) else value),
]


class AccessSettings(Subject):
    title: ClassVar[str] = "Authentication and secrets"

    auth_policies: Policies = Field(
        default=(),
        description="Ways to authenticate, in their order: `account`, `basicauth`, `openid`; "
        "none: all requests are anonymous.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Secret from which all others are made, the same for every instance; "
        "unset: made once and kept in the data folder.",
    )
    userid_hmac_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret from which `basicauth` makes user ids."
    )
    default_bucket_enabled: bool = Field(
        default=True,
        description="Give each user a bucket of their own under the name `default`.",
    )
    default_bucket_hmac_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Secret from which the id of a user's default bucket is made.",
    )
    account_cache_ttl_seconds: float = Field(
        default=30,
        gt=0,
        description="Seconds for which the check of a password is not repeated; a change of the "
        "password counts at once.",
    )


class PrincipalSettings(Subject):
    """`<type>_<permission>_principals`: who has a right on all objects of a type."""

    title: ClassVar[str] = "Principals with a right on every object"

    bucket_create_principals: Words = Field(
        default=("system.Authenticated",), description="Who may create buckets."
    )
    bucket_read_principals: Words = Field(
        default=(), description="Who may read every bucket object."
    )
    bucket_write_principals: Words = Field(
        default=(), description="Who may write every bucket object."
    )
    group_create_principals: Words = Field(
        default=(), description="Who may create groups in any bucket."
    )
    group_read_principals: Words = Field(default=(), description="Who may read every group.")
    group_write_principals: Words = Field(default=(), description="Who may write every group.")
    collection_create_principals: Words = Field(
        default=(), description="Who may create collections in any bucket."
    )
    collection_read_principals: Words = Field(
        default=(), description="Who may read every collection object."
    )
    collection_write_principals: Words = Field(
        default=(), description="Who may write every collection object."
    )
    record_create_principals: Words = Field(
        default=(), description="Who may create records in any collection."
    )
    record_read_principals: Words = Field(default=(), description="Who may read every record.")
    record_write_principals: Words = Field(default=(), description="Who may write every record.")
    account_create_principals: Words = Field(default=(), description="Who may create accounts.")
    account_read_principals: Words = Field(default=(), description="Who may read every account.")
    account_write_principals: Words = Field(
        default=(),
        description="Administrators: of the accounts, and of projects, organizations and keys.",
    )
    user_data_delete_principals: Words = Field(
        default=(), description="Who may delete all that belongs to a principal."
    )
