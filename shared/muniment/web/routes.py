"""From a path to what it names: the table of endpoints (contract section 2.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Final, TypeAlias

from muniment.domain.addresses import Address, BucketId, CollectionId, Kind


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


# Not frozen: that doubles the cost of making one, and each request makes one.
@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Target:
    """What one request is about: a route, and the ids in its path; never changed once made."""

    route: Route
    bucket_id: BucketId | None = None
    collection_id: CollectionId | None = None
    """Set for records only, as a record's parent."""
    id: str | None = None
    """The object's id; `None` for lists."""
    part_id: str | None = None
    """The id of something that belongs to the object: of a webhook's replay."""

    @property
    def endpoint(self) -> Endpoint:
        return self.route.endpoint

    @property
    def kind(self) -> Kind | None:
        return self.route.kind

    @property
    def is_list(self) -> bool:
        return self.route.endpoint is Endpoint.LIST

    @property
    def template(self) -> str:
        return self.route.template

    def address(self, object_id: str) -> Address:
        """The address of an object of this target's kind and parents. Raises `TypeError`."""
        kind = self.route.kind
        if kind is None:
            message = f"no objects live at {self.route.template}"
            raise TypeError(message)
        bucket_id = BucketId(object_id) if self.bucket_id is None else self.bucket_id
        return Address(
            kind=kind, bucket_id=bucket_id, collection_id=self.collection_id, id=object_id
        )


NOWHERE: Final = Target(route=Route(endpoint=Endpoint.NOWHERE, template="", methods=()))


class Unrouted(Enum):
    """Why a path names nothing."""

    NO_SUCH_PATH = auto()
    OTHER_VERSION = auto()
    WITHOUT_VERSION = auto()
    """Version prefix missing: redirect (RT-1)."""
    TRAILING_SLASH = auto()
    """A known path but for slashes at its end, or `/v1` itself (RT-4, RT-5)."""


Match: TypeAlias = Target | Unrouted


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Endpoints that exist only when their feature is on."""

    batch: bool = False
    groups: bool = False
    accounts: bool = False
    openid: bool = False
    permissions: bool = False
    history: bool = False
    flush: bool = False
    counters: bool = False
    user_data: bool = False
    webhooks: bool = False
    metrics: bool = False
    administration: bool = False


_GET: Final = ("GET", "HEAD")
_LIST: Final = ("HEAD", "GET", "POST", "DELETE")
_OBJECT: Final = ("GET", "HEAD", "PUT", "PATCH", "DELETE")
_VERSION: Final = re.compile(r"/v[0-9]")


class Routes:
    """The routes that the features and the method switches (OFF-1) leave."""

    def __init__(
        self, features: Features, *, method_switches: Mapping[str, bool] | None = None
    ) -> None:
        switches = method_switches or {}
        lists = {kind: _list_route(kind, switches) for kind in Kind}
        objects = {kind: _object_route(kind, switches) for kind in Kind}
        self._static = _static_routes(features, lists[Kind.BUCKET])
        internal = {"__webhooks__": _WEBHOOK_ORDERS} if features.webhooks else {}
        if features.accounts:
            self._static["accounts"] = _accounts_route(switches)
        self._by_name = {**self._static, **internal}
        self._bucket = objects[Kind.BUCKET]
        self._below_bucket: dict[str, tuple[Route, Route]] = {
            "collections": (lists[Kind.COLLECTION], objects[Kind.COLLECTION])
        }
        if features.groups:
            self._below_bucket["groups"] = (lists[Kind.GROUP], objects[Kind.GROUP])
        if features.webhooks:
            self._below_bucket["webhooks"] = (lists[Kind.WEBHOOK], objects[Kind.WEBHOOK])
        self._below_webhook = _BELOW_WEBHOOK if features.webhooks else _NOTHING_BELOW
        self._webhook_keys = _WEBHOOK_KEYS if features.webhooks else None
        self._event_type = _EVENT_TYPE if features.webhooks else None
        self._account = _account_route(switches) if features.accounts else None
        self._openid = _OPENID if features.openid else _NO_OPENID
        self._records = lists[Kind.RECORD]
        self._record = objects[Kind.RECORD]
        self._history = _HISTORY if features.history else None
        self._snapshot = _SNAPSHOT if features.history else None
        self._user_data = _USER_DATA if features.user_data else None
        self._administration = _ADMINISTRATION if features.administration else _NO_ADMINISTRATION

    @property
    def all(self) -> tuple[Route, ...]:
        """Every route that exists, in the order of the contract's table."""
        below = [route for pair in self._below_bucket.values() for route in pair]
        optional = (
            self._account,
            *self._openid.values(),
            self._history,
            self._snapshot,
            self._user_data,
            *self._below_webhook.values(),
            _WEBHOOK_REPLAY if self._below_webhook else None,
            self._webhook_keys,
            self._event_type,
            *self._administration.values(),
        )
        fixed = (*self._static.values(), self._bucket, *below, self._records, self._record)
        return (*fixed, *(route for route in optional if route is not None))

    def match(self, path: str) -> Match:
        """What a decoded path names."""
        segments = path.split("/")
        target = self._target(segments)
        return self._unrouted(path) if target is None else target

    def _target(self, segments: list[str]) -> Target | None:
        match segments:
            case ["", "v1", "buckets", bid, "collections", cid, "records", rid] if bid and cid:
                if not rid:
                    return None
                return Target(
                    route=self._record,
                    bucket_id=BucketId(bid),
                    collection_id=CollectionId(cid),
                    id=rid,
                )
            case ["", "v1", "buckets", bid, "collections", cid, "records"] if bid and cid:
                return Target(
                    route=self._records, bucket_id=BucketId(bid), collection_id=CollectionId(cid)
                )
            case ["", "v1", name] if name in self._by_name:
                return Target(route=self._by_name[name])
            case ["", "v1", "buckets", bid] if bid:
                return Target(route=self._bucket, bucket_id=BucketId(bid), id=bid)
            case ["", "v1", "buckets", bid, name, *rest] if bid:
                return self._target_below_bucket(BucketId(bid), name, rest)
            case ["", "v1", *rest]:
                return self._target_of_users(rest)
            case ["", ".well-known", "webhooks", bid, wid, "jwks.json"] if bid and wid:
                if self._webhook_keys is None:
                    return None
                return Target(route=self._webhook_keys, bucket_id=BucketId(bid), id=wid)
            case _:
                return None

    def _target_of_users(self, segments: list[str]) -> Target | None:
        match segments:
            case ["accounts", username] if username and self._account:
                return Target(route=self._account, id=username)
            case ["openid", provider, step] if provider and step in self._openid:
                return Target(route=self._openid[step], id=provider)
            case ["__user_data__", principal] if principal and self._user_data:
                return Target(route=self._user_data, id=principal)
            case ["__events__", type_] if type_ and self._event_type:
                return Target(route=self._event_type, id=type_)
            case ["__user_data__"] if self._user_data:
                return Target(route=_NO_USER_DATA)
            case _:
                return self._target_of_administration(segments)

    def _target_of_administration(self, segments: list[str]) -> Target | None:
        """Paths in which every second segment is an id: `__projects__/{project_id}/keys`."""
        names, ids = segments[::2], segments[1::2]
        route = self._administration.get((len(segments), *names))
        if route is None or not all(ids):
            return None
        return Target(
            route=route, id=ids[0] if ids else None, part_id=ids[1] if len(ids) > 1 else None
        )

    def _target_below_bucket(self, bid: BucketId, name: str, rest: list[str]) -> Target | None:
        routes = self._below_bucket.get(name)
        match rest:
            case [] if routes is not None:
                return Target(route=routes[0], bucket_id=bid)
            case [object_id] if routes is not None and object_id:
                return Target(route=routes[1], bucket_id=bid, id=object_id)
            case [] if name == "history" and self._history is not None:
                return Target(route=self._history, bucket_id=bid)
            case [object_id, *parts] if (
                object_id and (name, "/".join(parts)) in self._below_webhook
            ):
                route = self._below_webhook[name, "/".join(parts)]
                return Target(route=route, bucket_id=bid, id=object_id)
            case [object_id, "replays", part_id] if name == "webhooks" and object_id and part_id:
                if not self._below_webhook:
                    return None
                return Target(route=_WEBHOOK_REPLAY, bucket_id=bid, id=object_id, part_id=part_id)
            case ["collections", versioned] if name == "snapshot" and self._snapshot is not None:
                return Target(route=self._snapshot, bucket_id=bid, id=versioned)
            case _:
                return None

    def _unrouted(self, path: str) -> Unrouted:
        if path == "/v1":
            return Unrouted.TRAILING_SLASH
        if path.startswith("/v1/"):
            # `/v1//` is the root view and more: its known path is `/v1/`.
            bare = path.rstrip("/")
            known = bare == "/v1" or self._target(bare.split("/")) is not None
            is_slash = path.endswith("/") and known
            return Unrouted.TRAILING_SLASH if is_slash else Unrouted.NO_SUCH_PATH
        if _VERSION.match(path) is None:
            return Unrouted.WITHOUT_VERSION
        return Unrouted.NO_SUCH_PATH if path.startswith("/v1") else Unrouted.OTHER_VERSION


def _static_routes(features: Features, buckets: Route) -> dict[str, Route]:
    """The paths of one segment below the version."""
    routes = {
        "": Route(endpoint=Endpoint.ROOT, template="/v1/", methods=_GET),
        "__heartbeat__": _utility(Endpoint.HEARTBEAT, "__heartbeat__"),
        "__lbheartbeat__": _utility(Endpoint.LBHEARTBEAT, "__lbheartbeat__"),
        "__version__": _utility(Endpoint.VERSION, "__version__"),
        "__api__": _utility(Endpoint.API, "__api__"),
        "contribute.json": _utility(Endpoint.CONTRIBUTE, "contribute.json"),
        "buckets": buckets,
    }
    optional = {
        "batch": (features.batch, Endpoint.BATCH, ("POST",)),
        "permissions": (features.permissions, Endpoint.PERMISSIONS, ("HEAD", "GET")),
        "__flush__": (features.flush, Endpoint.FLUSH, ("POST",)),
        "__counters__": (features.counters, Endpoint.COUNTERS, _GET),
        "__metrics__": (features.metrics, Endpoint.METRICS, _GET),
        "__events__": (features.webhooks, Endpoint.EVENT_TYPES, _GET),
    }
    for name, (is_on, endpoint, methods) in optional.items():
        if is_on:
            routes[name] = _utility(endpoint, name, methods)
    return routes


def _utility(endpoint: Endpoint, name: str, methods: tuple[str, ...] = _GET) -> Route:
    return Route(endpoint=endpoint, template=f"/v1/{name}", methods=methods)


_HISTORY: Final = Route(
    endpoint=Endpoint.HISTORY,
    template="/v1/buckets/{bucket_id}/history",
    methods=("GET", "HEAD", "DELETE"),
)

_SNAPSHOT: Final = Route(
    endpoint=Endpoint.SNAPSHOT,
    template="/v1/buckets/{bucket_id}/snapshot/collections/{collection_id}@{timestamp}",
    methods=_GET,
)

_OPENID: Final[Mapping[str, Route]] = {
    "login": Route(
        endpoint=Endpoint.OPENID_LOGIN,
        template="/v1/openid/{provider}/login",
        methods=("GET",),
    ),
    "token": Route(
        endpoint=Endpoint.OPENID_TOKEN,
        template="/v1/openid/{provider}/token",
        methods=("GET",),
    ),
}

_NO_OPENID: Final[Mapping[str, Route]] = {}

_USER_DATA: Final = Route(
    endpoint=Endpoint.USER_DATA, template="/v1/__user_data__/{principal}", methods=("DELETE",)
)

_EVENT_TYPE: Final = Route(
    endpoint=Endpoint.EVENT_TYPE, template="/v1/__events__/{event_type}", methods=_GET
)

_BELOW_WEBHOOK: Final[Mapping[tuple[str, str], Route]] = {
    ("webhooks", part): Route(
        endpoint=endpoint,
        template=f"/v1/buckets/{{bucket_id}}/webhooks/{{webhook_id}}/{part}",
        methods=methods,
    )
    for part, endpoint, methods in (
        ("secrets", Endpoint.WEBHOOK_SECRETS, ("GET", "HEAD", "POST")),
        ("status", Endpoint.WEBHOOK_STATUS, _GET),
        ("attempts", Endpoint.WEBHOOK_ATTEMPTS, _GET),
        ("attempts/days", Endpoint.WEBHOOK_DAYS, _GET),
        ("events", Endpoint.WEBHOOK_EVENTS, _GET),
        ("messages", Endpoint.WEBHOOK_MESSAGES, ("POST",)),
        ("replays", Endpoint.WEBHOOK_REPLAYS, ("GET", "HEAD", "POST")),
    )
}

_WEBHOOK_REPLAY: Final = Route(
    endpoint=Endpoint.WEBHOOK_REPLAY,
    template="/v1/buckets/{bucket_id}/webhooks/{webhook_id}/replays/{replay_id}",
    methods=("GET", "HEAD", "PATCH"),
)

_NOTHING_BELOW: Final[Mapping[tuple[str, str], Route]] = {}

_WEBHOOK_KEYS: Final = Route(
    endpoint=Endpoint.WEBHOOK_KEYS,
    template="/.well-known/webhooks/{bucket_id}/{webhook_id}/jwks.json",
    methods=_GET,
)

_WEBHOOK_ORDERS: Final = Route(
    endpoint=Endpoint.WEBHOOK_ORDERS, template="/v1/__webhooks__", methods=("POST",)
)
"""Between instances only, and so described nowhere."""

_ADMINISTRATION: Final[Mapping[tuple[int | str, ...], Route]] = {
    (template.count("/") - 1, *template.split("/")[2::2]): Route(
        endpoint=endpoint, template=template, methods=methods
    )
    for template, endpoint, methods in (
        ("/v1/__projects__", Endpoint.PROJECTS, (*_GET, "POST")),
        ("/v1/__projects__/{project_id}", Endpoint.PROJECT, (*_GET, "DELETE")),
        ("/v1/__projects__/{project_id}/keys", Endpoint.PROJECT_KEYS, (*_GET, "POST")),
        ("/v1/__keys__/{key_id}", Endpoint.API_KEY, (*_GET, "DELETE")),
        ("/v1/__keys__/{key_id}/rotation", Endpoint.API_KEY_ROTATION, ("POST",)),
        ("/v1/__users__", Endpoint.API_USERS, (*_GET, "POST")),
        ("/v1/__users__/{user_id}", Endpoint.API_USER, _GET),
        ("/v1/__users__/{user_id}/keys", Endpoint.API_USER_KEYS, (*_GET, "POST")),
        ("/v1/__organizations__", Endpoint.ORGANIZATIONS, (*_GET, "POST")),
        ("/v1/__organizations__/{organization_id}", Endpoint.ORGANIZATION, (*_GET, "DELETE")),
        (
            "/v1/__organizations__/{organization_id}/members/{user_id}",
            Endpoint.ORGANIZATION_MEMBER,
            ("PUT", "DELETE"),
        ),
        ("/v1/__organizations__/{organization_id}/orbits", Endpoint.ORBITS, (*_GET, "POST")),
        ("/v1/__orbits__/{orbit_id}", Endpoint.ORBIT, (*_GET, "DELETE")),
        (
            "/v1/__orbits__/{orbit_id}/members/{user_id}",
            Endpoint.ORBIT_MEMBER,
            ("PUT", "DELETE"),
        ),
    )
}
"""By the number of segments below the version, and those that are no ids."""

_NO_ADMINISTRATION: Final[Mapping[tuple[int | str, ...], Route]] = {}

_NO_USER_DATA: Final = Route(endpoint=Endpoint.USER_DATA, template="/v1/__user_data__", methods=())
"""Nobody's: known, and good for nothing (UD-2)."""

_LIST_TEMPLATES: Final[Mapping[Kind, str]] = {
    Kind.BUCKET: "/v1/buckets",
    Kind.GROUP: "/v1/buckets/{bucket_id}/groups",
    Kind.COLLECTION: "/v1/buckets/{bucket_id}/collections",
    Kind.RECORD: "/v1/buckets/{bucket_id}/collections/{collection_id}/records",
    Kind.WEBHOOK: "/v1/buckets/{bucket_id}/webhooks",
}


def _list_route(kind: Kind, switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _LIST if _is_on(switches, f"plural_{kind}", m))
    return Route(endpoint=Endpoint.LIST, kind=kind, template=_LIST_TEMPLATES[kind], methods=methods)


def _object_route(kind: Kind, switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _OBJECT if _is_on(switches, f"object_{kind}", m))
    return Route(
        endpoint=Endpoint.OBJECT,
        kind=kind,
        template=f"{_LIST_TEMPLATES[kind]}/{{{kind}_id}}",
        methods=methods,
    )


def _accounts_route(switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _LIST if _is_on(switches, "plural_account", m))
    return Route(endpoint=Endpoint.ACCOUNTS, template="/v1/accounts", methods=methods)


def _account_route(switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _OBJECT if _is_on(switches, "object_account", m))
    return Route(endpoint=Endpoint.ACCOUNT, template="/v1/accounts/{account_id}", methods=methods)


def _is_on(switches: Mapping[str, bool], prefix: str, method: str) -> bool:
    """HEAD goes with GET."""
    name = "get" if method == "HEAD" else method.lower()
    return switches.get(f"{prefix}_{name}_enabled", True)
