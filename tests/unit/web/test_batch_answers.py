"""The envelope of a batch: what is written back, and what is sent on to another instance."""

from typing import Any

import orjson
import pytest

from muniment.domain.refusals import Invalid
from muniment.web.batch import batch_response, bundled, read_responses
from muniment.web.http import Request, Response
from tests.unit.web.batching import JSON_PATCH, OPERATIONS, READER, read, read_one
from tests.unit.web.building import RECORDS, json_of

# --- what is answered -----------------------------------------------------------------------------


def item_of(asked: Request, response: Response) -> Any:
    [item] = json_of(batch_response([asked], [response]))["responses"]
    return item


def test_an_item_of_an_answer() -> None:
    """BAT-13: the path decoded and without its query, all headers, the body as JSON."""
    asked = read_one({"path": "/buckets/é?_since=1"})

    item = item_of(asked, Response(status=201, headers={"ETag": '"1"'}, body=b'{"data":{}}'))

    assert item == {
        "status": 201,
        "path": "/v1/buckets/é",
        "headers": {"Content-Type": "application/json", "ETag": '"1"'},
        "body": {"data": {}},
    }


@pytest.mark.parametrize(
    ("method", "response"),
    [
        ("HEAD", Response(body=b'{"data":[]}')),
        ("GET", Response(status=304)),
        ("GET", Response(status=304, body=b"")),
    ],
)
def test_an_item_without_a_body(method: str, response: Response) -> None:
    """BAT-13, BAT-17, D-7: an empty string."""
    asked = read_one({"path": "/buckets", "method": method})

    assert item_of(asked, response)["body"] == ""


def test_an_item_that_is_not_modified_has_no_type() -> None:
    """PRE-3: there is nothing that could have one."""
    not_modified = Response(status=304, headers={"ETag": '"1"'})

    assert item_of(read_one({"path": "/buckets"}), not_modified)["headers"] == {"ETag": '"1"'}


def test_an_answer_that_is_no_json() -> None:
    """BAT-13: metrics are text, and come as such."""
    metrics = Response(headers={"Content-Type": "text/plain"}, body=b"requests_total 3\n")

    item = item_of(read_one({"path": "/__metrics__"}), metrics)

    assert item["body"] == "requests_total 3\n"
    assert item["headers"] == {"Content-Type": "text/plain"}


def test_answers_stand_in_the_order_of_the_requests() -> None:
    """BAT-12, C-9: one for each."""
    asked = read({"requests": [{"path": "/a"}, {"path": "/b"}, {"path": "/a"}]})
    answered = [Response(status=status, body=b"{}") for status in (404, 200, 412)]

    items = json_of(batch_response(asked, answered))["responses"]

    assert [(item["path"], item["status"]) for item in items] == [
        ("/v1/a", 404),
        ("/v1/b", 200),
        ("/v1/a", 412),
    ]


# --- what is sent on ------------------------------------------------------------------------------


def essence(asked: Request) -> object:
    body: Any = orjson.loads(asked.body or b"{}")
    headers = {name.lower(): value for name, value in asked.headers.items()}
    return asked.method, asked.raw_path, asked.raw_query, headers, body


def test_what_is_sent_on_arrives_as_it_was() -> None:
    """BAT-10, BAT-18: no request inherits there what was another one's own."""
    asked = read(
        {
            "requests": [
                {
                    "method": "PUT",
                    "path": f"{RECORDS}/é?x=1",
                    "headers": {"If-None-Match": "*", "Authorization": "Basic of omar"},
                    "body": {"data": {"name": "Ü"}},
                },
                {"method": "PUT", "path": f"{RECORDS}/b", "headers": {"X-Own": "1"}},
                {
                    "method": "PATCH",
                    "path": f"{RECORDS}/c",
                    "headers": JSON_PATCH,
                    "body": OPERATIONS,
                },
                {"method": "DELETE", "path": f"{RECORDS}/d", "headers": {"If-Match": '"1"'}},
            ]
        },
        {"Origin": "https://example.org", "User-Agent": "ké", "Content-Type": "application/json"},
    )

    sent = bundled(asked)
    arrived = READER.read(sent)

    assert (sent.method, sent.raw_path, sent.raw_query) == ("POST", "/v1/batch", "")
    assert dict(sent.headers) == {"Origin": "https://example.org", "User-Agent": "ké"}
    assert not isinstance(arrived, Invalid), arrived
    assert list(map(essence, arrived)) == list(map(essence, asked))


def test_one_request_is_sent_on_alone() -> None:
    """BAT-10, BAT-11: its type is not the batch's."""
    [asked] = read({"requests": [{"path": "/", "headers": JSON_PATCH, "body": OPERATIONS}]})

    sent = bundled([asked])

    assert "Content-Type" not in sent.headers
    arrived = READER.read(sent)
    assert not isinstance(arrived, Invalid)
    assert essence(arrived[0]) == essence(asked)


def test_answers_that_come_back() -> None:
    """BAT-13: status, headers and body as the owner gave them."""
    asked = read({"requests": [{"path": "/a"}, {"path": "/b", "method": "HEAD"}]})
    answered = [
        Response(status=412, headers={"ETag": '"7"'}, body=b'{"errno":114}'),
        Response(status=200, headers={"Total-Records": "3"}),
    ]

    found = read_responses(batch_response(asked, answered).body or b"")

    assert [(each.status, each.body) for each in found] == [(412, b'{"errno":114}'), (200, None)]
    assert found[0].headers["ETag"] == '"7"'
    assert found[1].headers["Total-Records"] == "3"
