"""A webhook's events as a stream (server-sent events), on a whole server."""

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest
import requests

from tests.clients.requester import Requester
from tests.support.server import MunimentServer, new_server, wait_until
from tests.support.stack import Stack, new_name

STREAMS_MAX: Final = 3
TIMEOUT_S: Final = 30.0
STREAM: Final = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class Told:
    """One event as a browser has it, with the field that browsers leave out."""

    id: str
    type: str
    data: Any
    webhook_id: str


class Stream:
    """An open one."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines: Iterator[str] = answer.iter_lines(
            chunk_size=None,  # As it comes.
            decode_unicode=True,
        )

    def blocks(self) -> Iterator[dict[str, str]]:
        """What lies between empty lines, until the server ends it."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            self.last_id = fields.get("id", self.last_id)
            yield fields
            fields = {}

    def take(self, count: int) -> list[Told]:
        found: list[Told] = []
        for block in self.blocks():
            if "data" in block:
                data = orjson.loads(block["data"])
                found.append(Told(block["id"], block["event"], data, block["webhook-id"]))
            if len(found) == count:
                break
        return found

    def heartbeat(self) -> None:
        """Wait for the next one."""
        next(block for block in self.blocks() if "" in block)


@pytest.fixture(scope="module")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[MunimentServer]:
    settings = {
        "webhooks_streams_max": str(STREAMS_MAX),
        "webhooks_streams_heartbeat_s": "0.3",
        "webhooks_streams_look_again_s": "0.3",
    }
    with new_server(stack, tmp_path_factory.mktemp("server"), settings) as server:
        yield server


@pytest.fixture(scope="module")
def nadia(server: MunimentServer) -> Generator[Requester]:
    with Requester(server.origin, "nadia") as requester:
        yield requester


@pytest.fixture
def bucket(nadia: Requester) -> str:
    path = f"/v1/buckets/atlas-{new_name()}"
    for each in (path, f"{path}/collections/tides", f"{path}/collections/winds"):
        assert nadia("PUT", each).status_code == 201
    return path


@pytest.fixture
def path(nadia: Requester, bucket: str) -> str:
    """A webhook that wants the records of one collection, and is sent nothing."""
    path = f"{bucket}/webhooks/hook"
    data = {
        "url": "http://127.0.0.1:9/",
        "enabled": False,
        "events": ["record.*"],
        "collections": ["tides"],
    }
    assert nadia("PUT", path, {"data": data}).status_code == 201
    return path


def write(nadia: Requester, bucket: str, *names: str, within: str = "tides") -> None:
    for name in names:
        path = f"{bucket}/collections/{within}/records/{name}"
        assert nadia("PUT", path, {"data": {"text": "one\ntwo"}}).status_code in {200, 201}


@contextmanager
def open_stream(
    requester: Requester, path: str, query: str = "", **headers: str
) -> Generator[Stream]:
    """One more; its place may still be that of one which was left a moment ago."""
    given = {**STREAM, **{name.replace("_", "-"): text for name, text in headers.items()}}
    answer = asked_for(requester, f"{path}/events{query}", given)
    deadline = time.monotonic() + TIMEOUT_S
    while answer.status_code == 503:
        answer.close()
        assert time.monotonic() < deadline
        time.sleep(0.1)
        answer = asked_for(requester, f"{path}/events{query}", given)
    with answer:
        assert answer.status_code == 200, answer.text
        yield Stream(answer)


def asked_for(requester: Requester, path: str, headers: Mapping[str, str]) -> requests.Response:
    """An answer that is not read yet."""
    return requests.get(
        f"{requester.origin}{path}",
        headers=headers,
        auth=(requester.name or "", "password"),
        stream=True,
        timeout=TIMEOUT_S,
    )


def names(found: list[Told]) -> list[str]:
    return [each.data["data"]["record_id"] for each in found]


def test_a_stream_tells_what_the_cursor_tells_and_then_goes_on(
    nadia: Requester, bucket: str, path: str
) -> None:
    """The past, what comes live, the webhook's own choice; `id` is the cursor."""
    write(nadia, bucket, "a", "b")
    write(nadia, bucket, "other", within="winds")
    with open_stream(nadia, path) as stream:
        past = stream.take(2)
        write(nadia, bucket, "other", within="winds")
        write(nadia, bucket, "c", "d")
        live = stream.take(2)
        head = stream.answer.headers

    page = nadia("GET", f"{path}/events").json()
    assert [each.data for each in (*past, *live)] == page["data"]
    assert [each.webhook_id for each in (*past, *live)] == page["ids"]
    assert names(past) + names(live) == list("abcd")
    assert {each.type for each in past} == {"record.created"}
    after_b = nadia("GET", f"{path}/events?_after={past[1].id}").json()
    assert after_b["ids"] == page["ids"][2:]
    assert head["Content-Type"] == "text/event-stream"
    assert (head["Cache-Control"], head["X-Accel-Buffering"]) == ("no-store", "no")


def test_whoever_comes_back_misses_nothing(nadia: Requester, bucket: str, path: str) -> None:
    """`Last-Event-ID` is stronger than the `_after` in the URL, as browsers ask it again."""
    write(nadia, bucket, *"abc")
    with open_stream(nadia, path) as stream:
        first = stream.take(2)

    write(nadia, bucket, *"de")
    with open_stream(nadia, path, "?_after=0", Last_Event_ID=first[-1].id) as stream:
        rest = stream.take(3)

    assert names(first) + names(rest) == list("abcde")


def test_what_is_not_wanted_moves_the_cursor_as_well(
    nadia: Requester, bucket: str, path: str
) -> None:
    with open_stream(nadia, path) as stream:
        stream.heartbeat()
        before = int(stream.last_id)
        write(nadia, bucket, *"xyz", within="winds")
        deadline = time.monotonic() + TIMEOUT_S
        while int(stream.last_id) < before + 3:
            assert time.monotonic() < deadline
            stream.heartbeat()


def test_a_webhook_that_is_changed_is_told_of_by_its_new_choice(
    nadia: Requester, bucket: str, path: str
) -> None:
    with open_stream(nadia, path) as stream:
        write(nadia, bucket, "a")
        [first] = stream.take(1)
        assert nadia("PATCH", path, {"data": {"collections": ["winds"]}}).status_code == 200
        write(nadia, bucket, "no")
        write(nadia, bucket, "b", within="winds")
        [second] = stream.take(1)

    assert names([first, second]) == ["a", "b"]


def test_who_may_no_longer_write_the_webhook_is_told_nothing_more(
    nadia: Requester, bucket: str, path: str
) -> None:
    omar = Requester(nadia.origin, "omar")
    user_id = omar("GET", "/v1/").json()["user"]["id"]
    assert nadia("PATCH", bucket, {"permissions": {"write": [user_id]}}).status_code == 200
    with open_stream(omar, path) as stream:
        stream.heartbeat()
        mine = nadia("GET", "/v1/").json()["user"]["id"]
        assert nadia("PATCH", bucket, {"permissions": {"write": [mine]}}).status_code == 200
        blocks = list(stream.blocks())
    write(nadia, bucket, "secret")

    assert all("data" not in block for block in blocks)
    assert omar("GET", f"{path}/events", headers=STREAM).status_code == 403
    omar.close()


def test_a_stream_ends_with_its_webhook(nadia: Requester, path: str) -> None:
    with open_stream(nadia, path) as stream:
        stream.heartbeat()
        assert nadia("DELETE", path).status_code == 200
        for _ in stream.blocks():
            pass

    assert nadia("GET", f"{path}/events", headers=STREAM).status_code == 404


def test_there_are_no_more_streams_than_there_may_be(nadia: Requester, path: str) -> None:
    """503 says when to come again; a place that is left is free soon."""
    with open_stream(nadia, path) as one, open_stream(nadia, path), open_stream(nadia, path):
        one.heartbeat()
        refused = nadia("GET", f"{path}/events", headers=STREAM)
        page = nadia("GET", f"{path}/events")

    assert (refused.status_code, refused.json()["errno"]) == (503, 201)
    assert int(refused.headers["Retry-After"]) > 0
    assert page.status_code == 200

    def is_let_in() -> bool:
        with asked_for(nadia, f"{path}/events", STREAM) as answer:
            return answer.status_code == 200

    wait_until(is_let_in, what="a free place")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?_limit=5", {}),
        ("?_after=x", {}),
        ("?odd=1", {}),
        ("", {"Last-Event-ID": "evt_1"}),
        ("", {"Last-Event-ID": "-1"}),
    ],
)
def test_what_no_stream_has_is_refused(
    nadia: Requester, path: str, query: str, headers: dict[str, str]
) -> None:
    answer = nadia("GET", f"{path}/events{query}", headers={**STREAM, **headers})

    assert (answer.status_code, answer.json()["errno"]) == (400, 107)


def test_within_a_batch_events_are_a_page(nadia: Requester, bucket: str, path: str) -> None:
    write(nadia, bucket, "a")
    item = {"method": "GET", "path": f"{path}/events", "headers": STREAM}

    [answer] = nadia("POST", "/v1/batch", {"requests": [item]}).json()["responses"]

    assert answer["status"] == 200
    assert [each["data"]["record_id"] for each in answer["body"]["data"]] == ["a"]


@pytest.mark.long
def test_whoever_reads_slowly_gets_all_in_the_end(nadia: Requester, bucket: str, path: str) -> None:
    """More than the sockets hold and the process keeps: it goes back to the log."""
    text = "x" * 20_000
    with open_stream(nadia, path) as stream:
        stream.heartbeat()
        for first in range(0, 2_000, 100):
            items = [
                {
                    "method": "PUT",
                    "path": f"{bucket}/collections/tides/records/r{number}",
                    "body": {"data": {"text": text}},
                }
                for number in range(first, first + 100)
            ]
            for some in (items[:25], items[25:50], items[50:75], items[75:]):
                answer = nadia("POST", "/v1/batch", {"requests": some}).json()
                assert {each["status"] for each in answer["responses"]} == {201}
        found = stream.take(2_000)

    assert names(found) == [f"r{number}" for number in range(2_000)]


@pytest.mark.long
def test_streams_end_in_good_order_with_the_server(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The last chunk says that nothing is missing, and the server is gone soon."""
    with (
        new_server(stack, tmp_path_factory.mktemp("ending")) as server,
        Requester(server.origin, "nadia") as nadia,
    ):
        bucket = f"/v1/buckets/{new_name()}"
        path = f"{bucket}/webhooks/hook"
        assert nadia("PUT", bucket).status_code == 201
        data = {"url": "http://127.0.0.1:9/", "enabled": False}
        assert nadia("PUT", path, {"data": data}).status_code == 201
        with open_stream(nadia, path) as stream:
            stream.heartbeat()
            code = server.stop()
            for _ in stream.blocks():
                pass

    assert code == 0
