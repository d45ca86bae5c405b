"""The edge as the settings want it: what the composition roots of the services share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Final

import orjson

from muniment.domain.addresses import Kind
from muniment.domain.commands import OWN_BUCKET
from muniment.domain.permissions import Granted
from muniment.domain.values import JsonObject, JsonValue, Principal
from muniment.runtime.errors import ConfigurationError
from muniment.runtime.metrics import CONTENT_TYPE, expose
from muniment.runtime.settings import ObjectType, Permission, Settings
from muniment.web.authentication import Authenticator, BasicAuth, Policy
from muniment.web.cache import CachePolicy
from muniment.web.commands import CommandReader
from muniment.web.cors import Cors
from muniment.web.default_bucket import DefaultBucket
from muniment.web.dialects import Dialect
from muniment.web.endpoints import Endpoint
from muniment.web.errors import Errors
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import Pipeline, misrouted
from muniment.web.project import Project
from muniment.web.redirects import Redirects
from muniment.web.root import Check, Heartbeat, InGroups, RootView, in_no_groups, utilities
from muniment.web.route_tables import Features
from muniment.web.routes import Routes
from muniment.web.server import Limits, Listening, PublicUrl, listen
from muniment.web.signals import Signals
from muniment.web.traffic import Traffic

DOCS_URL: Final = "https://docs.kinto-storage.org/en/stable/api/1.x/"
"""Of the API that clients speak, where the operator names no page of its own."""


WEBHOOKS_URL: Final = "https://www.standardwebhooks.com/"
"""Of the specification that deliveries follow."""
WEBHOOKS_VERSION: Final = "1"
"""Of the resource: raised when a client of the one before would not do."""


class Edge:
    """Everything between the connections and the handlers, made once from the settings."""

    def __init__(
        self,
        settings: Settings,
        *,
        policies: Sequence[Policy] = (),
        more_capabilities: Callable[[], Mapping[str, JsonObject]] = dict[str, JsonObject],
    ) -> None:
        """`policies` are those that need more than the settings to be made.

        Raises `ConfigurationError` for one of `auth_policies` that is not among them.
        """
        self._settings = settings
        self._more_capabilities = more_capabilities
        self.features = features_of(settings)
        self.authenticator = Authenticator(list(policies_of(settings, policies)))
        self.errors = Errors(
            challenge=self.authenticator.challenge,
            retry_after_s=settings.retry_after_seconds,
            info_url=settings.error_info_link,
        )
        self.routes = Routes(self.features, method_switches=settings.method_switches)
        self.default_bucket = default_bucket_of(settings, self.routes, self.errors)
        self.commands = CommandReader(json_depth_max=settings.json_depth_max)
        self.granted = granted_of(settings)
        self.cache = cache_policy_of(settings)
        self.cors = Cors(
            origins=frozenset(settings.cors_origins), max_age_s=settings.cors_max_age_seconds
        )
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
        in_groups: InGroups = in_no_groups,
        makes_default_buckets: Handler | None = None,
        in_turn: Callable[[Handler], Handler] | None = None,
        dialects: Sequence[Dialect] = (),
    ) -> Pipeline:
        """The way of every request to one service; `more` are handlers of further endpoints.

        `makes_default_buckets` answers the writes that make what a default bucket lacks. Within
        batches nobody does, as the batch's own plan has that done; and each handler that is not
        for writes is put behind `in_turn`.

        Raises `ConfigurationError` for a version file that cannot be served.
        """
        settings = self._settings
        utilities = {**self._utilities(checks, in_groups), **(more or {})}
        if in_turn is not None:
            reads = in_turn(reads)
            utilities = {endpoint: in_turn(handler) for endpoint, handler in utilities.items()}
        return Pipeline(
            routes=self.routes,
            reads=reads,
            writes=writes,
            utilities=utilities,
            authenticator=self.authenticator,
            errors=self.errors,
            cors=self.cors,
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
            default_bucket=self.default_bucket,
            makes_default_buckets=makes_default_buckets,
            dialects=dialects,
        )

    def listen(
        self, pipeline: Pipeline, *, port: int | None = None, port_setting: str = "http_port"
    ) -> AbstractAsyncContextManager[Listening]:
        """Serve the pipeline on `http_port`, or on the port of another setting."""
        settings = self._settings
        return listen(
            pipeline.handle,
            host=settings.http_bind_host,
            port=settings.http_port if port is None else port,
            port_setting=port_setting,
            errors=self.errors,
            complete=pipeline.complete,
            talk=pipeline.talk,
            limits=self.limits,
            public_url=self.public_url,
        )

    def _utilities(
        self, checks: Mapping[str, Check], in_groups: InGroups
    ) -> dict[Endpoint, Handler]:
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
                in_groups=in_groups,
                profile_of=self.authenticator.profile,
                more_capabilities=self._more_capabilities,
                default_bucket_id=self.default_bucket.id_of if self.default_bucket else None,
            ),
            heartbeat=Heartbeat(checks=checks, timeout_s=settings.heartbeat_timeout_seconds),
            routes=self.routes.all,
            version_json=_version_json(settings.version_json_path),
        )
        return {**handlers, Endpoint.METRICS: _tell_metrics}


def features_of(settings: Settings) -> Features:
    """Which optional endpoints there are."""
    return Features(
        batch=True,
        groups=True,
        permissions=settings.experimental_permissions_endpoint,
        accounts="account" in settings.auth_policies,
        openid="openid" in settings.auth_policies,
        history=settings.history_enabled,
        flush=settings.flush_enabled,
        counters=settings.counters_enabled,
        user_data=True,
        webhooks=settings.webhooks_enabled,
        portal=settings.webhooks_enabled and settings.webhooks_portal_enabled,
        metrics=settings.metrics_enabled,
        administration=True,
    )


def policies_of(settings: Settings, made: Sequence[Policy]) -> Iterator[Policy]:
    """The ways to authenticate, in their order. Raises `ConfigurationError` for an unknown one."""
    by_name: dict[str, Policy] = {policy.name: policy for policy in made}
    secret = settings.userid_hmac_secret.get_secret_value()
    by_name["basicauth"] = BasicAuth(hmac_secret=secret)
    for name in settings.auth_policies:
        if name not in by_name:
            raise ConfigurationError(
                f'auth_policies names "{name}", which this process does not have.'
            )
        yield by_name[name]


def default_bucket_of(settings: Settings, routes: Routes, errors: Errors) -> DefaultBucket | None:
    """The alias `default`, unless it is switched off."""
    if not settings.default_bucket_enabled:
        return None
    return DefaultBucket(
        hmac_secret=settings.default_bucket_hmac_secret.get_secret_value(),
        routes=routes,
        errors=errors,
        is_readonly=settings.readonly,
    )


_GRANTED: Final[Mapping[Kind, ObjectType]] = {
    Kind.BUCKET: "bucket",
    Kind.GROUP: "group",
    Kind.COLLECTION: "collection",
    Kind.RECORD: "record",
}
"""Not webhooks: they are for those who may write their bucket."""

_PERMISSIONS: Final[tuple[Permission, ...]] = ("read", "write", "create")


def granted_of(settings: Settings) -> Granted:
    """Who has a right on all objects of a kind (PERM-1)."""
    by_kind: dict[Kind, dict[str, frozenset[Principal]]] = {
        kind: {
            permission: frozenset(map(Principal, settings.principals(name, permission)))
            for permission in _PERMISSIONS
        }
        for kind, name in _GRANTED.items()
    }
    if settings.default_bucket_enabled:
        by_kind[Kind.BUCKET]["create"] |= {OWN_BUCKET}
    return Granted(by_kind=by_kind)


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
        "accounts": ("account" in settings.auth_policies, "Users sign up and log in by password."),
        "default_bucket": (
            settings.default_bucket_enabled,
            "Each user has a bucket of their own under the name `default`.",
        ),
        "schema": (
            settings.experimental_collection_schema_validation,
            "Records are checked against the JSON schemas of collection and bucket.",
        ),
        "history": (
            settings.history_enabled,
            "Every change of a bucket is on record, and past states can be read.",
        ),
        "counters_endpoint": (settings.counters_enabled, "Tells how many objects there are."),
        "permissions_endpoint": (
            settings.experimental_permissions_endpoint,
            "One can ask what one has permissions on.",
        ),
        "webhooks": (
            settings.webhooks_enabled,
            "Changes in a bucket are sent to where its webhooks say.",
        ),
        "flush_endpoint": (settings.flush_enabled, "All data can be removed at once."),
    }
    return {
        name: {"description": description, "url": DOCS_URL, **_more_of(name, settings)}
        for name, (is_there, description) in known.items()
        if is_there
    }


def _more_of(capability: str, settings: Settings) -> JsonObject:
    """What a capability says besides (table 3.3); accounts are never confirmed by mail (ACC-9)."""
    match capability:
        case "accounts":
            return {"validation_enabled": False}
        case "webhooks":
            return {"url": WEBHOOKS_URL, "version": WEBHOOKS_VERSION}
        case "history":
            details: dict[str, JsonValue] = {
                "auto_trim_max_count": settings.history_auto_trim_max_count,
                "auto_trim_user_ids": list(settings.history_auto_trim_user_ids),
                "excluded_resources": list(settings.history_exclude_resources),
            }
            return {name: value for name, value in details.items() if value}
        case _:
            return {}


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
