"""From paths to what they name."""

import dataclasses
import re

import pytest

from muniment.domain.addresses import Kind
from muniment.runtime.settings import Settings
from muniment.web.edge import Edge
from muniment.web.endpoints import Endpoint
from muniment.web.route_tables import Features
from muniment.web.routes import Routes, Target, Unrouted
from tests.unit.web.building import ATLAS, RECORDS, ROUTES, STATIONS, target_of


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/", Endpoint.ROOT),
        ("/v1/__heartbeat__", Endpoint.HEARTBEAT),
        ("/v1/__lbheartbeat__", Endpoint.LBHEARTBEAT),
        ("/v1/__version__", Endpoint.VERSION),
        ("/v1/__api__", Endpoint.API),
        ("/v1/contribute.json", Endpoint.CONTRIBUTE),
        ("/v1/__flush__", Endpoint.FLUSH),
        ("/v1/buckets", Endpoint.LIST),
        (ATLAS, Endpoint.OBJECT),
        (f"{ATLAS}/groups", Endpoint.LIST),
        (f"{ATLAS}/collections", Endpoint.LIST),
        (STATIONS, Endpoint.OBJECT),
        (RECORDS, Endpoint.LIST),
        (f"{RECORDS}/st-1", Endpoint.OBJECT),
    ],
)
def test_every_path_of_the_table_has_its_endpoint(path: str, endpoint: Endpoint) -> None:
    """BASE-1 and table 2.1."""
    assert target_of(path).endpoint is endpoint


def test_a_record_is_addressed_by_all_ids_of_its_path() -> None:
    target = target_of(f"{RECORDS}/st-1")

    assert target.kind is Kind.RECORD
    assert not target.is_list
    assert target.address("st-1").uri == "/buckets/atlas/collections/stations/records/st-1"
    assert target.template.endswith("/records/{record_id}")


def test_a_bucket_is_its_own_stream() -> None:
    address = target_of("/v1/buckets").address("atlas")

    assert (address.kind, address.bucket_id, address.id) == (Kind.BUCKET, "atlas", "atlas")


def test_a_collection_is_no_parent_of_itself() -> None:
    """`collection_id` is set for records only."""
    target = target_of(STATIONS)

    assert target.collection_id is None
    assert target.id == "stations"


def test_ids_of_any_form_are_routed() -> None:
    """ID-3: whether an id is valid is told only after the right to know has been judged."""
    assert target_of(f"{RECORDS}/not an id!").id == "not an id!"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/", Unrouted.WITHOUT_VERSION),
        ("/buckets/atlas", Unrouted.WITHOUT_VERSION),
        ("/v", Unrouted.WITHOUT_VERSION),
        ("/v0/buckets", Unrouted.OTHER_VERSION),
        ("/v2/", Unrouted.OTHER_VERSION),
        ("/v1", Unrouted.TRAILING_SLASH),
        ("/v1//", Unrouted.TRAILING_SLASH),
        ("/v1/buckets/", Unrouted.TRAILING_SLASH),
        ("/v1/buckets//", Unrouted.TRAILING_SLASH),
        ("/v1/nope", Unrouted.NO_SUCH_PATH),
        ("/v1/nope/", Unrouted.NO_SUCH_PATH),
        ("/v1x", Unrouted.NO_SUCH_PATH),
        ("/v1/buckets//collections", Unrouted.NO_SUCH_PATH),
        (f"{RECORDS}/a/b", Unrouted.NO_SUCH_PATH),
        ("", Unrouted.WITHOUT_VERSION),
    ],
)
def test_a_path_that_names_nothing_says_why(path: str, reason: Unrouted) -> None:
    """RT-1, RT-3, RT-4, RT-5 and RT-6."""
    assert ROUTES.match(path) is reason


@pytest.mark.parametrize(
    "path",
    [
        "/v1/batch",
        "/v1/permissions",
        "/v1/__flush__",
        "/v1/__portal__",
        f"{ATLAS}/groups",
        f"{ATLAS}/history",
    ],
)
def test_endpoints_of_features_that_are_off_do_not_exist(path: str) -> None:
    """RT-6: off means 404."""
    assert Routes(Features()).match(path) is Unrouted.NO_SUCH_PATH


def test_endpoints_of_features_that_are_on_exist() -> None:
    routes = Routes(
        Features(
            batch=True,
            groups=True,
            permissions=True,
            history=True,
            flush=True,
            counters=True,
            user_data=True,
            metrics=True,
            portal=True,
        )
    )
    paths = ["batch", "permissions", "__flush__", "__counters__", "__metrics__"]
    paths += ["__portal__", "__portal__/portal.js"]
    paths += ["buckets/a/groups/g", "buckets/a/history", "buckets/a/snapshot/collections/c@1"]
    paths += ["__user_data__/account:omar"]

    assert [path for path in paths if not isinstance(routes.match(f"/v1/{path}"), Target)] == []
    assert len({route.template for route in routes.all}) == len(routes.all)


def test_a_method_that_is_switched_off_is_not_allowed() -> None:
    """OFF-1: not in `Allow` either; HEAD goes with GET."""
    switches = {"plural_record_get_enabled": False, "object_bucket_delete_enabled": False}
    routes = Routes(Features(), method_switches=switches)

    records, bucket = routes.match(RECORDS), routes.match(ATLAS)

    assert isinstance(records, Target)
    assert isinstance(bucket, Target)
    assert records.route.allow == "POST, DELETE, OPTIONS"
    assert bucket.route.allow == "GET, HEAD, PUT, PATCH, OPTIONS"


KINTOS_PATHS = {
    *("/v1/", "/v1/batch", "/v1/permissions", "/v1/contribute.json", "/v1/accounts/_"),
    *("/v1/__heartbeat__", "/v1/__lbheartbeat__", "/v1/__version__", "/v1/__api__"),
    *("/v1/__flush__", "/v1/__counters__", "/v1/__metrics__", "/v1/__user_data__/_"),
    *("/v1/openid/_/login", "/v1/openid/_/token", "/v1/accounts"),
    *("/v1/buckets", "/v1/buckets/_", "/v1/buckets/_/history"),
    "/v1/buckets/_/snapshot/collections/_@_",
    *(f"/v1/buckets/_/{name}" for name in ("groups", "groups/_", "collections", "collections/_")),
    *("/v1/buckets/_/collections/_/records", "/v1/buckets/_/collections/_/records/_"),
}


def test_our_own_paths_are_none_of_kintos() -> None:
    """E-16, E-15: beside those of table 2.1 there are webhooks alone, under names of their own."""
    everything = Features(**{field.name: True for field in dataclasses.fields(Features)})

    paths = {re.sub(r"\{[a-z_]+\}", "_", route.template) for route in Routes(everything).all}

    own = paths - KINTOS_PATHS
    assert paths > KINTOS_PATHS
    assert own
    assert all(
        path.startswith(("/v1/buckets/_/webhooks", "/.well-known/", "/v1/__")) for path in own
    )


@pytest.mark.parametrize(
    ("settings", "is_there"),
    [
        ({}, True),
        ({"webhooks_portal_enabled": False}, False),
        ({"webhooks_enabled": False}, False),
    ],
    ids=["default", "page off", "webhooks off"],
)
def test_the_page_of_webhooks_can_be_taken_away(
    settings: dict[str, bool], *, is_there: bool
) -> None:
    """Neither the page nor its parts; without webhooks there is nothing to show."""
    routes = Edge(Settings.model_validate(settings)).routes

    found = [routes.match(f"/v1/__portal__{part}") for part in ("", "/portal.js")]

    assert [isinstance(each, Target) for each in found] == [is_there] * 2
