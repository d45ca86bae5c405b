"""The catalogue of events: its schemas fit what is made, and nothing else."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import orjson
import pytest

from muniment.domain.addresses import Kind
from muniment.domain.events import Action
from muniment.domain.webhooks.fields import Fields
from muniment.domain.webhooks.selection import EVENT_TYPES
from muniment.domain.webhooks.spec import BODY_BYTES_MAX, Form, Format, Shape
from muniment.log.protocol import Offset, Partition, Position
from muniment.web.endpoints import Endpoint
from muniment.web.route_tables import Features
from muniment.web.routes import Routes, Target
from muniment.webhooks.catalogue.pages import tell_type, tell_types
from muniment.webhooks.catalogue.schemas import DIALECT, TYPES, example_of, schema_of
from muniment.webhooks.catalogue.ways import Way, ways_of
from muniment.webhooks.message import body_of
from muniment.webhooks.samples import PING
from tests.unit.web import building
from tests.unit.webhooks.building import changed, record, uid

WAYS = ways_of("record.created")
EACH_WAY = pytest.mark.parametrize("way", WAYS, ids=[way.part for way in WAYS])
RENAMED = Fields(((("called",), ("title",)),))


@cache
def validator(type_: str, way: Way) -> jsonschema_rs.Draft202012Validator:
    """Of messages told in that way."""
    only = [{"$ref": f"#/$defs/{way.part}"}]
    return jsonschema_rs.Draft202012Validator({**schema_of(type_), "anyOf": only})


@pytest.mark.parametrize("type_", TYPES)
def test_each_schema_is_one(type_: str) -> None:
    jsonschema_rs.meta.validate({"$schema": DIALECT, **schema_of(type_)})


def form_of(way: Way, bytes_max: int = BODY_BYTES_MAX) -> Form:
    fields = RENAMED if way.has_fields else None
    return Form(format=way.format, shape=way.shape, fields=fields, bytes_max=bytes_max)


def test_every_type_is_in_it() -> None:
    assert set(TYPES) == {*EVENT_TYPES, PING}
    assert {type_.split(".")[0] for type_ in TYPES} == set(Kind)


@pytest.mark.parametrize(
    ("type_", "way"),
    [(type_, way) for type_ in TYPES for way in ways_of(type_)],
    ids=lambda given: given.part if isinstance(given, Way) else given,
)
def test_each_example_fits_its_schema_and_that_of_no_other_type(type_: str, way: Way) -> None:
    example = example_of(type_, way)

    told_so = [other for other in TYPES if way in ways_of(other)]
    fitting = [other for other in told_so if validator(other, way).is_valid(example)]

    assert fitting == [type_]


@EACH_WAY
def test_every_member_is_described_and_there(way: Way) -> None:
    """A member more, or one that is missing, does not fit: so the schemas can't fall behind."""
    example: Any = example_of("record.updated", way)
    check = validator("record.updated", way)
    told = example if way.format is Format.COCOBASE else example["data"]

    assert check.is_valid(example)
    assert not check.is_valid({**example, "more": 1})
    for name in example:
        assert not check.is_valid({k: v for k, v in example.items() if k != name}), name
    for name in told:
        less = {k: v for k, v in told.items() if k != name}
        assert not check.is_valid(less if told is example else {**example, "data": less}), name


@EACH_WAY
def test_what_is_too_long_fits_as_well(way: Way) -> None:
    event = record("r1", title="long", before={"id": "r1", "title": "short"})
    position = Position(Partition(0), Offset(7))
    body = orjson.loads(body_of(event, position, form_of(way, bytes_max=10)))

    validator("record.created", way).validate(body)
    assert "data" not in body if way.format is Format.COCOBASE else "data" not in body["data"]


@EACH_WAY
def test_what_a_snapshot_tells_fits_as_well(way: Way) -> None:
    """An update of which nothing is known but what the object became."""
    event = changed(
        record("r1").address, Action.UPDATED, collection_uid=uid("atlas/tides"), title="Log"
    )
    body = body_of(event, Position(Partition(0), Offset(7)), form_of(way))

    validator("record.updated", way).validate(orjson.loads(body))


def test_a_ping_changes_nothing() -> None:
    example: Any = example_of(PING, Way(format=Format.STANDARD, shape=Shape.FULL_AND_PREVIOUS))

    assert example["data"]["data"] == example["data"]["previous"]


@pytest.mark.parametrize(
    ("format_", "member", "name"),
    [
        (Format.STANDARD, "type", "webhook.failing"),
        (Format.CLOUDEVENTS, "type", "muniment.webhook.failing"),
        (Format.COCOBASE, "event", "webhook.failing"),
    ],
)
def test_a_report_is_called_so_in_every_format(format_: Format, member: str, name: str) -> None:
    example: Any = example_of("webhook.failing", Way(format=format_, shape=Shape.THIN))

    assert example[member] == name


ROUTES = Routes(Features(webhooks=True))


async def answer(path: str) -> tuple[int, Mapping[str, str], Any]:
    target = ROUTES.match(path)
    assert isinstance(target, Target)
    handler = tell_types if target.endpoint is Endpoint.EVENT_TYPES else tell_type
    request = building.request("GET", path)
    request.target = target
    response = await handler(request)
    return response.status, response.headers, orjson.loads(response.body or b"null")


async def test_the_list_leads_to_a_schema_for_each_way() -> None:
    _, _, listed = await answer("/v1/__events__")
    entry = next(each for each in listed["data"] if each["type"] == "record.created")
    base, _, path = entry["schema"].partition("/v1/")
    status, headers, schema = await answer(f"/v1/{path}")

    assert [each["type"] for each in listed["data"]] == list(TYPES)
    assert status == 200
    assert headers["Content-Type"] == "application/schema+json"
    assert schema["$id"] == entry["schema"]
    assert base
    pointers = [
        url.partition("#/$defs/") for by in entry["schemas"].values() for url in by.values()
    ]
    assert {url for url, _, _ in pointers} == {entry["schema"]}
    parts = {way.part for way in WAYS}
    assert {name for _, _, name in pointers} == parts <= set(schema["$defs"])


async def test_what_is_no_type_is_a_404_that_says_where_to_look() -> None:
    status, _, body = await answer("/v1/__events__/record.exploded")

    assert (status, body["errno"]) == (404, 111)
    assert "/v1/__events__" in body["message"]


def test_without_webhooks_there_is_no_catalogue() -> None:
    assert not isinstance(Routes(Features()).match("/v1/__events__"), Target)
