"""`Idempotency-Key`: whose it is, what it names, and what it is within a batch."""

from collections.abc import Mapping

import orjson
import pytest

from muniment.domain.addresses import Kind, is_valid_id
from muniment.domain.commands import ANONYMOUS, Create, Put, Requester, authenticated
from muniment.domain.events import RequestKey
from muniment.domain.refusals import Fault, Invalid
from muniment.domain.values import Principal
from muniment.web.batch import BatchReader, bundled
from muniment.web.commands import CommandReader
from muniment.web.http import Request
from muniment.web.request_keys import HEADER, read_request_key
from tests.unit.web.building import NADIA, RECORDS, request

OMAR = authenticated(Principal("account:omar"))


def key_of(
    *,
    key: str = "k",
    by: Requester = NADIA,
    method: str = "PUT",
    path: str = f"{RECORDS}/a",
    query: str = "",
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> RequestKey:
    given = {HEADER: key, **(headers or {})}
    asked = request(method, path, query=query, headers=given, body=body)
    asked.requester = by
    found, faults = read_request_key(asked)
    assert found is not None
    assert faults == ()
    return found


def test_a_key_is_its_senders_own() -> None:
    """What others call their requests is nothing to one's own."""
    keys = {key_of().id, key_of(by=OMAR).id, key_of(by=ANONYMOUS).id, key_of(key="l").id}

    assert len(keys) == 4


def test_the_same_request_is_known_again() -> None:
    """Whatever it says of the answer, and of itself."""
    assert key_of(body={"data": {"n": 1}}) == key_of(
        body={"data": {"n": 1}}, headers={"Prefer": "respond-async", "X-Request-Id": "other"}
    )
    assert key_of(body={}) == key_of()


@pytest.mark.parametrize(
    "other",
    [
        key_of(body={"data": {"n": 2}}),
        key_of(method="PATCH", body={"data": {"n": 1}}),
        key_of(path=f"{RECORDS}/b", body={"data": {"n": 1}}),
        key_of(query="a=b", body={"data": {"n": 1}}),
        key_of(headers={"If-Match": '"1"'}, body={"data": {"n": 1}}),
        key_of(headers={"Content-Type": "application/merge-patch+json"}, body={"data": {"n": 1}}),
    ],
    ids=["body", "method", "path", "query", "precondition", "kind of patch"],
)
def test_another_request_is_another(other: RequestKey) -> None:
    same = key_of(body={"data": {"n": 1}})

    assert other.id == same.id
    assert other.request != same.request


@pytest.mark.parametrize("given", ["", "x" * 513, "ü", "a\tb"])
def test_what_is_no_key_is_a_fault_of_the_request(given: str) -> None:
    """400, for whom may do what is asked (section 2.3)."""
    asked = request("PUT", f"{RECORDS}/a", headers={HEADER: given})

    command = CommandReader().read(asked)

    assert isinstance(command, Put)
    assert command.cause.key is None
    assert [(fault.location, fault.name) for fault in command.faults] == [("header", HEADER)]
    assert all(isinstance(fault, Fault) for fault in command.faults)


def test_a_batch_whose_key_is_none_is_refused_as_a_whole() -> None:
    """BAT-8: nothing of it runs, as nothing of it could be sent again."""
    outer = request("POST", "/v1/batch", headers={HEADER: ""}, body={"requests": []})

    refused = BatchReader().read(outer)

    assert isinstance(refused, Invalid)
    assert [fault.name for fault in refused.faults] == [HEADER]


def test_a_new_buckets_id_stays_with_the_key() -> None:
    """The id says which stream the bucket is of, and there the key must be found again."""
    made = [created(request("POST", "/v1/buckets", headers={HEADER: key})) for key in "aab"]

    ids = [command.address.id for command in made]

    assert ids[0] == ids[1] != ids[2]
    assert all(is_valid_id(each) and len(each) == 8 for each in ids)


def created(asked: Request) -> Create:
    command = CommandReader().read(asked)
    assert isinstance(command, Create)
    assert command.address.kind is Kind.BUCKET
    return command


def test_requests_of_a_batch_have_keys_by_their_places() -> None:
    """BAT-10: except those with one of their own; and sent on to an owner they keep them."""
    requests = [
        {"method": "PUT", "path": "/buckets/a"},
        {"method": "PUT", "path": "/buckets/b", "headers": {"idempotency-key": "own"}},
        {"method": "PUT", "path": "/buckets/c"},
    ]
    outer = request("POST", "/v1/batch", headers={HEADER: "k"}, body={"requests": requests})

    items = BatchReader().read(outer)

    assert isinstance(items, list)
    assert [item.headers[HEADER] for item in items] == ["k#0", "own", "k#2"]
    for sent in (items[1:], items[2:]):
        again = BatchReader().read(bundled(sent))
        assert isinstance(again, list)
        assert [item.headers[HEADER] for item in again] == [item.headers[HEADER] for item in sent]
        assert [read_request_key(item)[0] for item in again] == [
            read_request_key(item)[0] for item in sent
        ]
    assert HEADER not in bundled(items[2:]).headers
    assert orjson.loads(bundled(items[2:]).body)["requests"][0]["headers"][HEADER] == "k#2"
