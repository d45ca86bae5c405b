"""What a whole server delivers fits the catalogue of events that it serves."""

from collections.abc import Callable
from typing import Any, Final

import jsonschema_rs

from muniment.webhooks.catalogue.ways import Way, ways_of
from tests.clients.requester import Requester
from tests.support.hooks import SECRET, data
from tests.support.receiver import OK, Received, Receiver, Reply
from tests.support.server import wait_until
from tests.support.stack import new_name

WAYS: Final = ways_of("record.created")
NEVER_TOLD: Final = {"bucket.deleted"}
"""With its bucket a webhook is gone."""


def one_is_ill(received: Received) -> Reply:
    return Reply(status=500) if received.path == "/weak" else one_is_gone(received)


def one_is_gone(received: Received) -> Reply:
    return Reply(status=410) if received.path == "/gone" else OK


def type_of(message: Any) -> str:
    told = str(message.get("type") or message["event"])
    return told.removeprefix("muniment.").replace("document.", "record.")


def test_every_message_fits_the_schema_of_its_type_format_and_shape(
    nadia: Requester, receiver: Receiver
) -> None:
    bucket = f"/v1/buckets/atlas-{new_name()}"
    receiver.behave(one_is_ill)
    data(nadia("PUT", bucket))
    hooks = [hook(nadia, bucket, receiver, way) for way in WAYS]
    make_everything_happen(nadia, bucket, receiver)
    for path in hooks:
        assert data(nadia("POST", f"{path}/messages", {"type": "webhook.ping"}))["delivered"]
    listed = {each["type"]: each for each in data(nadia("GET", "/v1/__events__"))}

    def has_all(path: str) -> Callable[[], bool]:
        """Whether each type was told there."""
        wanted = set(listed) - NEVER_TOLD
        return lambda: {type_of(r.message) for r in told(receiver) if r.path == path} >= wanted

    for way in WAYS:
        what = f"one of each type as {way.part}"
        wait_until(has_all(f"/{way.format}/{way.name}"), what=what)

    schemas = {
        type_: nadia("GET", path_of(each["schema"])).json() for type_, each in listed.items()
    }
    for received in told(receiver):
        _, format_, name = received.path.split("/")
        type_ = type_of(received.message)
        schemas_of = listed[type_]["schemas"][format_]
        # Fields are chosen of records only.
        schema = schemas_of.get(name) or schemas_of[name.removesuffix("-fields")]
        _, _, pointer = schema.partition("#")
        only = {**schemas[type_], "anyOf": [{"$ref": f"#{pointer}"}]}
        jsonschema_rs.Draft202012Validator(only).validate(received.message)


def hook(nadia: Requester, bucket: str, receiver: Receiver, way: Way) -> str:
    """A webhook that is told of all in that way."""
    path = f"{bucket}/webhooks/{way.part.replace('+', '-')}"
    fields = {"secret": SECRET, "events": ["*"], "start": "beginning"}
    form = {"format": str(way.format), "shape": str(way.shape)}
    chosen = {"fields": {"called": "title"} if way.has_fields else None}
    where = {"url": receiver.at(f"{way.format}/{way.name}")}
    data(nadia("PUT", path, {"data": {**fields, **form, **chosen, **where}}))
    return path


def told(receiver: Receiver) -> list[Received]:
    """What came to the webhooks of `hook`."""
    return [each for each in receiver.accepted if each.path not in {"/weak", "/gone"}]


def path_of(url: str) -> str:
    return "/v1/" + url.partition("/v1/")[2]


def make_everything_happen(nadia: Requester, bucket: str, receiver: Receiver) -> None:
    """All that can be told: of each kind of object, and of deliveries."""
    data(nadia("PATCH", bucket, {"data": {"title": "Atlas"}}))
    silent = {"url": receiver.at("other"), "secret": SECRET, "enabled": False}
    objects = {
        "collections/tides": {"title": "Tides"},
        "collections/tides/records/brest": {"title": "Brest", "deep": {"er": [1, None]}},
        "groups/sailors": {"members": ["basicauth:x"]},
        "webhooks/other": silent,
    }
    for path, fields in objects.items():
        data(nadia("PUT", f"{bucket}/{path}", {"data": fields}))
        data(nadia("PATCH", f"{bucket}/{path}", {"data": {"note": "changed"}}))
    for path in reversed(objects):
        data(nadia("DELETE", f"{bucket}/{path}"))
    data(nadia("PUT", f"{bucket}/collections/ports"))
    for name in ("weak", "gone"):
        fields = {"url": receiver.at(name), "secret": SECRET, "events": ["collection.created"]}
        schedule = {"retry_schedule_s": [0, *([0.1] * 3), *([1] * 16)]}
        data(nadia("PUT", f"{bucket}/webhooks/{name}", {"data": {**fields, **schedule}}))
    data(nadia("PUT", f"{bucket}/collections/charts"))
    weak = f"{bucket}/webhooks/weak"
    wait_until(
        lambda: data(nadia("GET", weak))["status"]["state"] == "failing",
        what="word of failures",
    )
    receiver.behave(one_is_gone)
