"""From a path to what it names: the table of endpoints (contract section 2.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from muniment.domain.addresses import Address, BucketId, CollectionId, Kind
from muniment.web.endpoints import Endpoint, Route
from muniment.web.route_tables import (
    ADMINISTRATION,
    BELOW_WEBHOOK,
    EVENT_TYPE,
    HISTORY,
    NO_ADMINISTRATION,
    NO_OPENID,
    NO_USER_DATA,
    NOTHING_BELOW,
    OPENID,
    PORTAL_PART,
    SNAPSHOT,
    USER_DATA,
    WEBHOOK_KEYS,
    WEBHOOK_ORDERS,
    WEBHOOK_REPLAY,
    Features,
    account_route,
    accounts_route,
    list_route,
    object_route,
    static_routes,
)


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


_VERSION: Final = re.compile(r"/v[0-9]")


class Routes:
    """The routes that the features and the method switches (OFF-1) leave."""

    def __init__(
        self, features: Features, *, method_switches: Mapping[str, bool] | None = None
    ) -> None:
        switches = method_switches or {}
        lists = {kind: list_route(kind, switches) for kind in Kind}
        objects = {kind: object_route(kind, switches) for kind in Kind}
        self._static = static_routes(features, lists[Kind.BUCKET])
        internal = {"__webhooks__": WEBHOOK_ORDERS} if features.webhooks else {}
        if features.accounts:
            self._static["accounts"] = accounts_route(switches)
        self._by_name = {**self._static, **internal}
        self._bucket = objects[Kind.BUCKET]
        self._below_bucket: dict[str, tuple[Route, Route]] = {
            "collections": (lists[Kind.COLLECTION], objects[Kind.COLLECTION])
        }
        if features.groups:
            self._below_bucket["groups"] = (lists[Kind.GROUP], objects[Kind.GROUP])
        if features.webhooks:
            self._below_bucket["webhooks"] = (lists[Kind.WEBHOOK], objects[Kind.WEBHOOK])
        self._below_webhook = BELOW_WEBHOOK if features.webhooks else NOTHING_BELOW
        self._webhook_keys = WEBHOOK_KEYS if features.webhooks else None
        self._event_type = EVENT_TYPE if features.webhooks else None
        self._portal_part = PORTAL_PART if features.portal else None
        self._account = account_route(switches) if features.accounts else None
        self._openid = OPENID if features.openid else NO_OPENID
        self._records = lists[Kind.RECORD]
        self._record = objects[Kind.RECORD]
        self._history = HISTORY if features.history else None
        self._snapshot = SNAPSHOT if features.history else None
        self._user_data = USER_DATA if features.user_data else None
        self._administration = ADMINISTRATION if features.administration else NO_ADMINISTRATION

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
            WEBHOOK_REPLAY if self._below_webhook else None,
            self._webhook_keys,
            self._event_type,
            self._portal_part,
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
            case ["__portal__", name] if name and self._portal_part:
                return Target(route=self._portal_part, id=name)
            case ["__user_data__"] if self._user_data:
                return Target(route=NO_USER_DATA)
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
                return Target(route=WEBHOOK_REPLAY, bucket_id=bid, id=object_id, part_id=part_id)
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
