"""The routes, by subject: which paths lead to which endpoints, and by which methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from muniment.domain.addresses import Kind
from muniment.web.endpoints import Endpoint, Route


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
    portal: bool = False
    """The page for those who operate webhooks."""
    metrics: bool = False
    administration: bool = False


_GET: Final = ("GET", "HEAD")
_LIST: Final = ("HEAD", "GET", "POST", "DELETE")
_OBJECT: Final = ("GET", "HEAD", "PUT", "PATCH", "DELETE")


def static_routes(features: Features, buckets: Route) -> dict[str, Route]:
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
        "__portal__": (features.portal, Endpoint.PORTAL, _GET),
    }
    for name, (is_on, endpoint, methods) in optional.items():
        if is_on:
            routes[name] = _utility(endpoint, name, methods)
    return routes


def _utility(endpoint: Endpoint, name: str, methods: tuple[str, ...] = _GET) -> Route:
    return Route(endpoint=endpoint, template=f"/v1/{name}", methods=methods)


HISTORY: Final = Route(
    endpoint=Endpoint.HISTORY,
    template="/v1/buckets/{bucket_id}/history",
    methods=("GET", "HEAD", "DELETE"),
)

SNAPSHOT: Final = Route(
    endpoint=Endpoint.SNAPSHOT,
    template="/v1/buckets/{bucket_id}/snapshot/collections/{collection_id}@{timestamp}",
    methods=_GET,
)

OPENID: Final[Mapping[str, Route]] = {
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

NO_OPENID: Final[Mapping[str, Route]] = {}

USER_DATA: Final = Route(
    endpoint=Endpoint.USER_DATA, template="/v1/__user_data__/{principal}", methods=("DELETE",)
)

PORTAL_PART: Final = Route(
    endpoint=Endpoint.PORTAL_PART, template="/v1/__portal__/{part}", methods=_GET
)

EVENT_TYPE: Final = Route(
    endpoint=Endpoint.EVENT_TYPE, template="/v1/__events__/{event_type}", methods=_GET
)

BELOW_WEBHOOK: Final[Mapping[tuple[str, str], Route]] = {
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

WEBHOOK_REPLAY: Final = Route(
    endpoint=Endpoint.WEBHOOK_REPLAY,
    template="/v1/buckets/{bucket_id}/webhooks/{webhook_id}/replays/{replay_id}",
    methods=("GET", "HEAD", "PATCH"),
)

NOTHING_BELOW: Final[Mapping[tuple[str, str], Route]] = {}

WEBHOOK_KEYS: Final = Route(
    endpoint=Endpoint.WEBHOOK_KEYS,
    template="/.well-known/webhooks/{bucket_id}/{webhook_id}/jwks.json",
    methods=_GET,
)

WEBHOOK_ORDERS: Final = Route(
    endpoint=Endpoint.WEBHOOK_ORDERS, template="/v1/__webhooks__", methods=("POST",)
)
"""Between instances only, and so described nowhere."""

ADMINISTRATION: Final[Mapping[tuple[int | str, ...], Route]] = {
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

NO_ADMINISTRATION: Final[Mapping[tuple[int | str, ...], Route]] = {}

NO_USER_DATA: Final = Route(endpoint=Endpoint.USER_DATA, template="/v1/__user_data__", methods=())
"""Nobody's: known, and good for nothing (UD-2)."""

_LIST_TEMPLATES: Final[Mapping[Kind, str]] = {
    Kind.BUCKET: "/v1/buckets",
    Kind.GROUP: "/v1/buckets/{bucket_id}/groups",
    Kind.COLLECTION: "/v1/buckets/{bucket_id}/collections",
    Kind.RECORD: "/v1/buckets/{bucket_id}/collections/{collection_id}/records",
    Kind.WEBHOOK: "/v1/buckets/{bucket_id}/webhooks",
}


def list_route(kind: Kind, switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _LIST if _is_on(switches, f"plural_{kind}", m))
    return Route(endpoint=Endpoint.LIST, kind=kind, template=_LIST_TEMPLATES[kind], methods=methods)


def object_route(kind: Kind, switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _OBJECT if _is_on(switches, f"object_{kind}", m))
    return Route(
        endpoint=Endpoint.OBJECT,
        kind=kind,
        template=f"{_LIST_TEMPLATES[kind]}/{{{kind}_id}}",
        methods=methods,
    )


def accounts_route(switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _LIST if _is_on(switches, "plural_account", m))
    return Route(endpoint=Endpoint.ACCOUNTS, template="/v1/accounts", methods=methods)


def account_route(switches: Mapping[str, bool]) -> Route:
    methods = tuple(m for m in _OBJECT if _is_on(switches, "object_account", m))
    return Route(endpoint=Endpoint.ACCOUNT, template="/v1/accounts/{account_id}", methods=methods)


def _is_on(switches: Mapping[str, bool], prefix: str, method: str) -> bool:
    """HEAD goes with GET."""
    name = "get" if method == "HEAD" else method.lower()
    return switches.get(f"{prefix}_{name}_enabled", True)
