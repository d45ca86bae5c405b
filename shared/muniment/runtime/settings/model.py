"""All settings as one frozen class."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import ClassVar, Final, Literal, Self

from pydantic import PrivateAttr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from muniment.runtime.settings.access import AccessSettings, PrincipalSettings
from muniment.runtime.settings.dialects import DialectSettings
from muniment.runtime.settings.fields import Subject
from muniment.runtime.settings.openid import OpenIdSettings
from muniment.runtime.settings.protocol import (
    AnswerSettings,
    ApiSettings,
    CacheSettings,
    HistorySettings,
)
from muniment.runtime.settings.service import ServiceSettings, StackSettings
from muniment.runtime.settings.storage import FlowSettings, LogSettings, ReadModelSettings
from muniment.runtime.settings.webhooks import WebhookSettings

ObjectType = Literal["bucket", "group", "collection", "record", "account"]
Permission = Literal["read", "write", "create"]
MethodKind = Literal["plural", "object"]

SWITCH: Final = re.compile(
    r"(?:plural|object)_(?:bucket|group|collection|record|account)"
    r"_(?:get|post|put|patch|delete)_enabled"
)
"""Names of the settings that are kept in `method_switches`, as there are fifty of them."""

SUBJECTS: Final[tuple[type[Subject], ...]] = (
    ServiceSettings,
    StackSettings,
    LogSettings,
    ReadModelSettings,
    FlowSettings,
    WebhookSettings,
    AccessSettings,
    OpenIdSettings,
    ApiSettings,
    AnswerSettings,
    DialectSettings,
    CacheSettings,
    PrincipalSettings,
    HistorySettings,
)

sources_in_use: ContextVar[tuple[PydanticBaseSettingsSource, ...]] = ContextVar(
    "sources_in_use", default=()
)


class Settings(
    ServiceSettings,
    StackSettings,
    LogSettings,
    ReadModelSettings,
    FlowSettings,
    WebhookSettings,
    AccessSettings,
    OpenIdSettings,
    ApiSettings,
    AnswerSettings,
    DialectSettings,
    CacheSettings,
    PrincipalSettings,
    HistorySettings,
):
    """Every setting; `Settings()` has the defaults, `load_settings` what the user has given."""

    title: ClassVar[str] = "All settings"

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look only where `load_settings` says: a test's `Settings()` is the same anywhere."""
        return (init_settings, *sources_in_use.get())

    @model_validator(mode="after")
    def _knows_its_switches(self) -> Self:
        for name in self.method_switches:
            if not SWITCH.fullmatch(name):
                raise ValueError(f'method_switches has no switch "{name}"')
        return self

    def principals(self, object_type: ObjectType, permission: Permission) -> tuple[str, ...]:
        """Who has the permission on all objects of the type, past what the objects say."""
        found: tuple[str, ...] = getattr(self, f"{object_type}_{permission}_principals")
        return found

    def is_method_enabled(self, kind: MethodKind, object_type: ObjectType, method: str) -> bool:
        """Whether an endpoint has the method; `plural` endpoints are lists."""
        name = f"{kind}_{object_type}_{method.lower()}_enabled"
        return self.method_switches.get(name, True)

    def record_cache_seconds(self, bucket_id: str, collection_id: str) -> int | None:
        """For how long records may be cached: the most specific setting wins."""
        by_parent = self.record_cache_expires_seconds_by_parent
        for parent in (f"{bucket_id}.{collection_id}", bucket_id):
            if parent in by_parent:
                return by_parent[parent]
        return self.record_cache_expires_seconds

    def origin(self, name: str) -> str:
        """Where the value of a setting came from: flag, environment, file or default."""
        return self._origins.get(name, "default")

    @classmethod
    def from_sources(
        cls, sources: tuple[PydanticBaseSettingsSource, ...], *, origins: Mapping[str, str]
    ) -> Self:
        """Settings from the sources, the strongest first; `origins` says where each came from.

        Raises `ValidationError` when a value does not fit its setting.
        """
        token = sources_in_use.set(sources)
        try:
            settings = cls()
        finally:
            sources_in_use.reset(token)
        settings._origins = dict(origins)
        return settings
