"""Settings that the HTTP API's contract names: they are called what they are called elsewhere."""

from datetime import date
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from muniment.runtime.settings.fields import SecondsByParent, Subject, Switches, Words


class ApiSettings(Subject):
    title: ClassVar[str] = "HTTP API"

    readonly: bool = Field(
        default=False, description="Refuse every method but GET, HEAD and OPTIONS."
    )
    flush_enabled: bool = Field(
        default=False,
        description="Serve `POST /v1/__flush__`, which removes all data: development only.",
    )
    counters_enabled: bool = Field(
        default=False,
        description="Serve `/v1/__counters__`, which tells anybody how many objects there are.",
    )
    explicit_permissions: bool = Field(
        default=True,
        description="Who creates or changes an object is added to its `write` principals.",
    )
    experimental_collection_schema_validation: bool = Field(
        default=True, description="Check records against the JSON schemas of collection and bucket."
    )
    experimental_permissions_endpoint: bool = Field(
        default=True, description="Serve `/v1/permissions`."
    )
    batch_max_requests: int = Field(
        default=25, ge=1, description="Requests that one batch may hold."
    )
    paginate_by: int | None = Field(
        default=None,
        ge=1,
        description="Objects on a page of a list when the request names no limit.",
    )
    storage_max_fetch_size: int = Field(
        default=10_000, ge=1, description="Objects that a page of a list holds at most."
    )
    pagination_token_validity_seconds: int = Field(
        default=600,
        ge=1,
        description="Seconds for which the next page of a bulk delete can be asked for.",
    )
    heartbeat_timeout_seconds: float = Field(
        default=10,
        gt=0,
        description="Seconds after which a check of the heartbeat counts as failed.",
    )
    method_switches: Switches = Field(
        default={},
        description="Methods switched off or on by `plural_<type>_<method>_enabled` and "
        "`object_<type>_<method>_enabled`; all are on.",
    )


class AnswerSettings(Subject):
    title: ClassVar[str] = "Headers and texts of answers"

    cors_origins: Words = Field(
        default=("*",), description="Origins that browsers may send requests from."
    )
    cors_max_age_seconds: int = Field(
        default=3600,
        ge=0,
        description="Seconds for which a browser may keep the answer of a preflight.",
    )
    backoff: int | None = Field(
        default=None,
        ge=0,
        description="Seconds in the `Backoff` header, which asks clients to slow down.",
    )
    backoff_percentage: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="Share of answers, in percent, that carry `Backoff`.",
    )
    retry_after_seconds: int = Field(
        default=3, ge=0, description="Seconds in the `Retry-After` header of 503 and 409 answers."
    )
    eos: date | None = Field(
        default=None, description="End of service, `yyyy-mm-dd`: alerts before it, 410 from it on."
    )
    eos_message: str | None = Field(
        default=None, description="Message of the end-of-service alert."
    )
    eos_url: str | None = Field(default=None, description="URL of the end-of-service alert.")
    trailing_slash_redirect_enabled: bool = Field(
        default=True, description="Redirect a path with a trailing slash to the one without."
    )
    trailing_slash_redirect_ttl_seconds: int = Field(
        default=3600,
        ge=-1,
        description="Seconds that this redirect may be cached; -1 sends no header.",
    )
    version_prefix_redirect_enabled: bool = Field(
        default=True, description="Redirect a path without `/v1` to the one with it."
    )
    version_prefix_redirect_ttl_seconds: int = Field(
        default=-1,
        ge=-1,
        description="Seconds that this redirect may be cached; -1 sends no header.",
    )
    error_info_link: str | None = Field(
        default=None, description="Link that the answer of an internal error carries."
    )
    project_name: str = Field(
        default="muniment", description="Name of the service in the root view."
    )
    project_docs: str | None = Field(
        default=None, description="Link to the service's documentation in the root view."
    )
    project_version: str | None = Field(
        default=None, description="Version in the root view; unset: that of Muniment."
    )
    version_json_path: Path | None = Field(
        default=None, description="File that `/v1/__version__` serves; unset: there is none."
    )


class CacheSettings(Subject):
    title: ClassVar[str] = "Cache headers"

    root_cache_expires_seconds: int = Field(
        default=86_400,
        ge=0,
        description="Seconds that the root view may be cached in readonly mode.",
    )
    bucket_cache_expires_seconds: int | None = Field(
        default=None, ge=0, description="Seconds that buckets may be cached."
    )
    group_cache_expires_seconds: int | None = Field(
        default=None, ge=0, description="Seconds that groups may be cached."
    )
    collection_cache_expires_seconds: int | None = Field(
        default=None, ge=0, description="Seconds that collection objects may be cached."
    )
    record_cache_expires_seconds: int | None = Field(
        default=None, ge=0, description="Seconds that records may be cached."
    )
    record_cache_expires_seconds_by_parent: SecondsByParent = Field(
        default={},
        description="Seconds that the records of a bucket (`<bucket>`) or of a collection "
        "(`<bucket>.<collection>`) may be cached.",
    )
    cache_expires_authenticated: bool = Field(
        default=True,
        description="Send a collection's `cache_expires` to authenticated readers as well.",
    )


class HistorySettings(Subject):
    title: ClassVar[str] = "History"

    history_enabled: bool = Field(
        default=True,
        description="Serve the history of buckets, and collections as they were at a moment.",
    )
    history_exclude_resources: Words = Field(
        default=(),
        description="URIs of objects whose changes make no entry, nor those of what is in them.",
    )
    history_exclude_user_ids: Words = Field(
        default=(), description="Users whose changes make no entry."
    )
    history_auto_trim_max_count: int | None = Field(
        default=None, ge=1, description="Entries that are kept for each bucket and type."
    )
    history_auto_trim_user_ids: Words = Field(
        default=(), description="Users whose entries are trimmed; none named: all users'."
    )
    history_auto_trim_threshold: int = Field(
        default=100,
        ge=1,
        description="Entries beyond the count that may gather before they are trimmed.",
    )
