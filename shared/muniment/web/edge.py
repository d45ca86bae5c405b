"""The edge as the settings want it: what the composition roots of the services share."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import orjson

from muniment.domain.addresses import Kind
from muniment.domain.permissions import Granted
from muniment.domain.values import JsonObject, Principal
from muniment.runtime.errors import ConfigurationError
from muniment.runtime.metrics import CONTENT_TYPE, expose
from muniment.runtime.settings import Settings
from muniment.web.authentication import Authenticator, BasicAuth, Policy
from muniment.web.cache import CachePolicy
from muniment.web.commands import CommandReader
from muniment.web.cors import Cors
from muniment.web.errors import Errors
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import Pipeline, misrouted
from muniment.web.project import Project
from muniment.web.redirects import Redirects
from muniment.web.root import Check, Heartbeat, RootView, utilities
from muniment.web.routes import Endpoint, Features, Routes
from muniment.web.server import Limits, PublicUrl
from muniment.web.signals import Signals
from muniment.web.traffic import Traffic

DOCS_URL: Final = "https://docs.kinto-storage.org/en/stable/api/1.x/"
"""Of the API that clients speak, where the operator names no page of its own."""


class Edge:
    """Everything between the connections and the handlers, made once from the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.features = features_of(settings)
        self.authenticator = Authenticator(list(policies_of(settings)))
        self.errors = Errors(
            challenge=self.authenticator.challenge,
            retry_after_s=settings.retry_after_seconds,
            info_url=settings.error_info_link,
        )
        self.routes = Routes(self.features, method_switches=settings.method_switches)
        self.commands = CommandReader(json_depth_max=settings.json_depth_max)
        self.granted = granted_of(settings)
        self.cache = cache_policy_of(settings)
        self.limits = Limits(
            body_bytes_max=settings.request_body_bytes_max, drain_s=settings.drain_s
        )
        self.public_url = PublicUrl(scheme=settings.http_scheme, host=settings.http_host)

    def pipeline(
        self,
        *,
        service: str,
        checks: Mapping[str, Check],
        reads: Handler = misrouted,
        writes: Handler = misrouted,
        more: Mapping[Endpoint, Handler] | None = None,
    ) -> Pipeline:
        """The way of every request to one service; `more` are handlers of further endpoints.

        Raises `ConfigurationError` for a version file that cannot be served.
        """
        settings = self._settings
        return Pipeline(
            routes=self.routes,
            reads=reads,
            writes=writes,
            utilities={**self._utilities(checks), **(more or {})},
            authenticator=self.authenticator,
            errors=self.errors,
            cors=Cors(
                origins=frozenset(settings.cors_origins), max_age_s=settings.cors_max_age_seconds
            ),
            signals=Signals(
                backoff_s=settings.backoff,
                backoff_percentage=settings.backoff_percentage,
                eos=settings.eos,
                eos_message=settings.eos_message,
                eos_url=settings.eos_url or settings.project_docs or DOCS_URL,
            ),
            redirects=Redirects(
                is_version_on=settings.version_prefix_redirect_enabled,
                version_ttl_s=settings.version_prefix_redirect_ttl_seconds,
                is_slash_on=settings.trailing_slash_redirect_enabled,
                slash_ttl_s=settings.trailing_slash_redirect_ttl_seconds,
            ),
            traffic=Traffic(service),
            is_readonly=settings.readonly,
        )

    def _utilities(self, checks: Mapping[str, Check]) -> dict[Endpoint, Handler]:
        settings = self._settings
        project = Project(
            name=settings.project_name,
            version=settings.project_version or version("muniment"),
            docs_url=settings.project_docs or DOCS_URL,
        )
        handlers = utilities(
            root=RootView(
                project=project,
                batch_max_requests=settings.batch_max_requests,
                is_readonly=settings.readonly,
                explicit_permissions=settings.explicit_permissions,
                capabilities=capabilities_of(settings),
                eos=settings.eos,
                readonly_ttl_s=settings.root_cache_expires_seconds,
            ),
            heartbeat=Heartbeat(checks=checks, timeout_s=settings.heartbeat_timeout_seconds),
            routes=self.routes.all,
            version_json=_version_json(settings.version_json_path),
        )
        return {**handlers, Endpoint.METRICS: _tell_metrics}


def features_of(settings: Settings) -> Features:
    """Which optional endpoints there are."""
    return Features(batch=True, flush=settings.flush_enabled, metrics=settings.metrics_enabled)


def policies_of(settings: Settings) -> Iterator[Policy]:
    """The ways to authenticate, in their order. Raises `ConfigurationError` for an unknown one."""
    for name in settings.auth_policies:
        if name != "basicauth":
            raise ConfigurationError(
                f'auth_policies names "{name}", which this version does not have: use basicauth.'
            )
        yield BasicAuth(hmac_secret=settings.userid_hmac_secret.get_secret_value())


def granted_of(settings: Settings) -> Granted:
    """Who has a right on all objects of a kind (PERM-1)."""
    return Granted(
        by_kind={
            kind: {
                permission: frozenset(map(Principal, settings.principals(kind.value, permission)))
                for permission in ("read", "write", "create")
            }
            for kind in Kind
        }
    )


def cache_policy_of(settings: Settings) -> CachePolicy:
    """How long answers may be kept."""
    ages = {
        Kind.BUCKET: settings.bucket_cache_expires_seconds,
        Kind.GROUP: settings.group_cache_expires_seconds,
        Kind.COLLECTION: settings.collection_cache_expires_seconds,
        Kind.RECORD: settings.record_cache_expires_seconds,
    }
    return CachePolicy(
        age_s_by_kind={kind: age for kind, age in ages.items() if age is not None},
        record_age_s_by_parent=settings.record_cache_expires_seconds_by_parent,
        is_for_authenticated=settings.cache_expires_authenticated,
    )


def capabilities_of(settings: Settings) -> dict[str, JsonObject]:
    """What the root view promises (table 3.3): never what is not there."""
    known = {
        "basicauth": ("basicauth" in settings.auth_policies, "Any username with any password."),
        "schema": (
            settings.experimental_collection_schema_validation,
            "Records are checked against the JSON schemas of collection and bucket.",
        ),
        "flush_endpoint": (settings.flush_enabled, "All data can be removed at once."),
    }
    return {
        name: {"description": description, "url": DOCS_URL}
        for name, (is_there, description) in known.items()
        if is_there
    }


def _version_json(path: Path | None) -> bytes | None:
    """The version file's text. Raises `ConfigurationError` for one that is no JSON."""
    if path is None or not path.exists():
        return None
    try:
        text = path.read_bytes()
        orjson.loads(text)
    except (OSError, orjson.JSONDecodeError) as problem:
        raise ConfigurationError(f"version_json_path: {path} cannot be served: {problem}") from None
    return text


async def _tell_metrics(_: Request) -> Response:
    return Response(headers={"Content-Type": CONTENT_TYPE}, body=expose())
