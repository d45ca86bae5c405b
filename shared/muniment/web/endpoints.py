"""What can be asked for: every endpoint by name, and the routes that lead there."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from muniment.domain.addresses import Kind


class Endpoint(StrEnum):
    """Every endpoint by name; which of them exist is a matter of `Features`."""

    NOWHERE = "nowhere"
    DIALECT = "dialect"
    ROOT = "root"
    HEARTBEAT = "heartbeat"
    LBHEARTBEAT = "lbheartbeat"
    VERSION = "version"
    API = "api"
    CONTRIBUTE = "contribute"
    BATCH = "batch"
    LIST = "list"
    OBJECT = "object"
    ACCOUNTS = "accounts"
    ACCOUNT = "account"
    PERMISSIONS = "permissions"
    HISTORY = "history"
    SNAPSHOT = "snapshot"
    OPENID_LOGIN = "openid_login"
    OPENID_TOKEN = "openid_token"  # noqa: S105 - the name of an endpoint
    FLUSH = "flush"
    COUNTERS = "counters"
    USER_DATA = "user_data"
    EVENT_TYPES = "event_types"
    EVENT_TYPE = "event_type"
    WEBHOOK_SECRETS = "webhook_secrets"
    WEBHOOK_KEYS = "webhook_keys"
    PORTAL = "portal"
    PORTAL_PART = "portal_part"
    WEBHOOK_STATUS = "webhook_status"
    WEBHOOK_ATTEMPTS = "webhook_attempts"
    WEBHOOK_DAYS = "webhook_days"
    WEBHOOK_EVENTS = "webhook_events"
    WEBHOOK_MESSAGES = "webhook_messages"
    WEBHOOK_REPLAYS = "webhook_replays"
    WEBHOOK_REPLAY = "webhook_replay"
    WEBHOOK_ORDERS = "webhook_orders"
    METRICS = "metrics"
    PROJECTS = "projects"
    PROJECT = "project"
    PROJECT_KEYS = "project_keys"
    API_KEY = "api_key"
    API_KEY_ROTATION = "api_key_rotation"
    API_USERS = "api_users"
    API_USER = "api_user"
    API_USER_KEYS = "api_user_keys"
    ORGANIZATIONS = "organizations"
    ORGANIZATION = "organization"
    ORGANIZATION_MEMBER = "organization_member"
    ORBITS = "orbits"
    ORBIT = "orbit"
    ORBIT_MEMBER = "orbit_member"


OF_DELIVERIES: Final = frozenset(
    {
        Endpoint.WEBHOOK_STATUS,
        Endpoint.WEBHOOK_ATTEMPTS,
        Endpoint.WEBHOOK_DAYS,
        Endpoint.WEBHOOK_EVENTS,
        Endpoint.WEBHOOK_MESSAGES,
        Endpoint.WEBHOOK_REPLAYS,
        Endpoint.WEBHOOK_REPLAY,
    }
)
"""What a webhook's deliveries are seen and asked for by."""

OF_ADMINISTRATORS: Final = frozenset(
    {
        Endpoint.PROJECTS,
        Endpoint.PROJECT,
        Endpoint.PROJECT_KEYS,
        Endpoint.API_KEY,
        Endpoint.API_KEY_ROTATION,
        Endpoint.API_USERS,
        Endpoint.API_USER,
        Endpoint.API_USER_KEYS,
        Endpoint.ORGANIZATIONS,
        Endpoint.ORGANIZATION,
        Endpoint.ORGANIZATION_MEMBER,
        Endpoint.ORBITS,
        Endpoint.ORBIT,
        Endpoint.ORBIT_MEMBER,
    }
)
"""What administrators make for other APIs, and the keys to it."""

ALWAYS_COMMANDS: Final = frozenset({Endpoint.WEBHOOK_SECRETS})
"""What the owner of a stream answers, for reading too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the table."""

    endpoint: Endpoint
    template: str
    """The path with names for what varies, for metrics and documentation."""
    methods: tuple[str, ...]
    """Without OPTIONS, which every route has."""
    kind: Kind | None = None
    allow: str = field(init=False)
    """The `Allow` header."""

    def __post_init__(self) -> None:
        """Write `allow` once for all requests."""
        object.__setattr__(self, "allow", ", ".join((*self.methods, "OPTIONS")))

    @property
    def resource(self) -> str | None:
        """What the objects are called, in operations and settings; `None` for utilities."""
        is_of_accounts = self.endpoint in (Endpoint.ACCOUNTS, Endpoint.ACCOUNT)
        return "account" if is_of_accounts else self.kind

    @property
    def is_resource(self) -> bool:
        """Whether media types are judged, and answers are cacheable or not by section 13."""
        return self.resource is not None or self.endpoint in _READ_AS_RESOURCES

    @property
    def is_list(self) -> bool:
        """Whether it is a plural endpoint of section 8."""
        return self.endpoint in _PLURAL


_PLURAL: Final = frozenset(
    {Endpoint.LIST, Endpoint.ACCOUNTS, Endpoint.HISTORY, Endpoint.PERMISSIONS}
)
_READ_AS_RESOURCES: Final = frozenset(
    {Endpoint.HISTORY, Endpoint.SNAPSHOT, Endpoint.PERMISSIONS, Endpoint.WEBHOOK_SECRETS}
)
"""Nobody writes their objects; all else is as with resources."""
