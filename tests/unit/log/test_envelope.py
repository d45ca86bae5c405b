"""The public format: what is written is read again, and nothing else is."""

import string
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain import addresses
from muniment.domain.addresses import Address, BucketId
from muniment.domain.events import (
    Action,
    Cause,
    Event,
    EventId,
    HistoryTrimmed,
    ObjectChanged,
    PartitionFlushed,
    Report,
    RequestKey,
    Snapshot,
)
from muniment.domain.values import Principal, Timestamp, Uid
from muniment.log.envelope import Malformed, Message, decode, encode, encode_claim
from muniment.log.protocol import Claim, Offset
from tests.unit.log.builders import CAUSE, changed, flushed

ONE = "00000000-0000-0000-0000-000000000001"
TWO = "00000000-0000-0000-0000-000000000002"
CLAIM = Claim(epoch=3, producer_id=4001, instance_id="one", url="http://one:8888")

ids = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
timestamps = st.integers(0, 253_402_300_799_999).map(Timestamp)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
snapshots = st.builds(
    Snapshot,
    data=st.dictionaries(texts, json_values, max_size=4),
    permissions=st.dictionaries(
        st.sampled_from(["read", "write"]), st.frozensets(texts.map(Principal), max_size=3)
    ),
    hidden=st.none() | st.dictionaries(texts, json_values, max_size=2),
)
keys = st.builds(
    RequestKey,
    id=st.uuids().map(str),
    request=st.uuids().map(str),
    events=st.integers(1, 10_000),
    next_token=st.none() | ids,
)
causes = st.builds(
    Cause,
    actor=st.none() | texts.map(Principal),
    request_id=texts,
    traceparent=st.none() | texts,
    key=st.none() | keys,
)
any_address: st.SearchStrategy[Address] = st.one_of(
    st.builds(addresses.bucket, ids),
    st.builds(addresses.group, ids, ids),
    st.builds(addresses.collection, ids, ids),
    st.builds(addresses.record, ids, ids, ids),
    st.builds(addresses.webhook, ids, ids),
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        ObjectChanged,
        id=texts.map(EventId),
        action=st.sampled_from(Action),
        address=any_address,
        bucket_uid=texts.map(Uid),
        collection_uid=st.none() | texts.map(Uid),
        last_modified=timestamps,
        stream_at=timestamps,
        occurred_at=timestamps,
        after=snapshots,
        before=st.none() | snapshots,
        is_of_project=st.booleans(),
        records_from=st.none() | timestamps,
        webhook_uid=st.none() | texts.map(Uid),
        cause=causes,
    ),
    st.builds(
        ObjectChanged,
        id=texts.map(EventId),
        action=st.just(Action.UPDATED),
        address=st.builds(addresses.webhook, ids, ids),
        bucket_uid=texts.map(Uid),
        collection_uid=st.none(),
        last_modified=timestamps,
        stream_at=timestamps,
        occurred_at=timestamps,
        after=snapshots,
        before=snapshots,
        webhook_uid=texts.map(Uid),
        report=st.sampled_from(Report),
        cause=causes,
    ),
    st.builds(
        HistoryTrimmed,
        id=texts.map(EventId),
        bucket_id=texts.map(BucketId),
        bucket_uid=texts.map(Uid),
        entries=st.lists(timestamps, min_size=1).map(tuple),
        stream_at=timestamps,
        occurred_at=timestamps,
        cause=causes,
    ),
    st.builds(PartitionFlushed, id=texts.map(EventId), occurred_at=timestamps, cause=causes),
)
claims = st.builds(
    Claim,
    epoch=st.integers(0, 2**15),
    producer_id=st.integers(0, 2**62),
    instance_id=texts,
    url=texts,
)


@given(event=events, claim=st.integers(0, 2**62).map(Offset))
def test_an_event_is_read_as_it_was_written(event: Event, claim: Offset) -> None:
    """Whatever a client puts in, a consumer gets out."""
    message = encode(event, claim)

    assert decode(message.key, message.value, message.headers) == (claim, event)


@given(claim=claims)
def test_a_claim_is_read_as_it_was_written(claim: Claim) -> None:
    """It names no claim: it is one."""
    message = encode_claim(claim)

    assert decode(message.key, message.value, message.headers) == (None, claim)


def test_the_key_is_the_bucket_id() -> None:
    """All events of one bucket are in one partition, in order."""
    assert encode(changed(address=addresses.bucket("house")), Offset(0)).key == b"house"
    assert encode(changed(address=addresses.group("house", "us")), Offset(0)).key == b"house"


def test_the_order_of_a_clients_fields_is_kept() -> None:
    """The value is what the client sent, and the log is its record."""
    value = orjson.loads(encode(changed(), Offset(0)).value)

    assert list(value["data"]) == ["id", "last_modified", "title"]


def test_permissions_are_sorted() -> None:
    """Sets have no order, and the bytes of an event are always the same."""
    people = frozenset(map(Principal, ["c", "a", "b"]))
    event = changed(before=Snapshot(data={}, permissions={"write": people, "read": people}))

    value = orjson.loads(encode(event, Offset(0)).value)

    assert list(value["previous"]["permissions"].items()) == [
        ("read", ["a", "b", "c"]),
        ("write", ["a", "b", "c"]),
    ]


def test_what_is_hidden_is_beside_the_data() -> None:
    """CocoBase section 13: a consumer that knows nothing of it reads on as before."""
    before = Snapshot(data={}, permissions={}, hidden={"id": 7})
    event = replace(changed(before=before), after=Snapshot(data={}, permissions={}, hidden={}))

    value = orjson.loads(encode(event, Offset(0)).value)

    assert value["hidden"] == {}
    assert value["previous"]["hidden"] == {"id": 7}
    assert "hidden" not in orjson.loads(encode(changed(), Offset(0)).value)


def test_a_trace_is_passed_on() -> None:
    """As the CloudEvents extension for distributed tracing."""
    cause = Cause(actor=CAUSE.actor, request_id="1", traceparent="00-1-2-01")

    assert ("ce_traceparent", b"00-1-2-01") in encode(changed(cause=cause), Offset(0)).headers


def without(name: str) -> Callable[[Message], Message]:
    return lambda message: message._replace(
        headers=[header for header in message.headers if header[0] != name]
    )


def with_header(name: str, value: bytes) -> Callable[[Message], Message]:
    return lambda message: message._replace(headers=[*message.headers, (name, value)])


def with_key(key: bytes | None) -> Callable[[Message], Message]:
    return lambda message: message._replace(key=key)


def with_value(value: bytes) -> Callable[[Message], Message]:
    return lambda message: message._replace(value=value)


def cut_short(message: Message) -> Message:
    return message._replace(value=message.value[:-1])


def with_field(name: str, value: object) -> Callable[[Message], Message]:
    return lambda message: message._replace(
        value=orjson.dumps({**orjson.loads(message.value), name: value})
    )


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(without("ce_type"), id="no type"),
        pytest.param(without("ce_claim"), id="no claim"),
        pytest.param(without("ce_id"), id="no id"),
        pytest.param(without("ce_dataschema"), id="no version"),
        pytest.param(with_header("ce_type", b"muniment.record.eaten"), id="unknown type"),
        pytest.param(with_header("ce_type", b"muniment.bucket.created"), id="type of another kind"),
        pytest.param(with_header("ce_type", b"muniment.record.updated"), id="schema of another"),
        pytest.param(
            with_header("ce_dataschema", b"urn:muniment:event:record.created:2"), id="later version"
        ),
        pytest.param(with_header("ce_claim", b"first"), id="claim that is no offset"),
        pytest.param(with_header("ce_subject", b"/cupboards/1"), id="unknown subject"),
        pytest.param(with_header("ce_time", b"yesterday"), id="no time"),
        pytest.param(with_header("ce_time", b"2023-11-14T22:13:20.123"), id="time of nowhere"),
        pytest.param(with_header("ce_id", b"\xff"), id="id that is not UTF-8"),
        pytest.param(with_key(b"garden"), id="another bucket's key"),
        pytest.param(with_key(None), id="no key"),
        pytest.param(with_value(b""), id="no value"),
        pytest.param(with_value(b"[]"), id="value that is no object"),
        pytest.param(cut_short, id="cut short"),
        pytest.param(with_field("data", []), id="data that is no object"),
        pytest.param(with_field("last_modified", "1"), id="timestamp that is a text"),
        pytest.param(with_field("stream_at", True), id="timestamp that is a truth"),
        pytest.param(with_field("permissions", {"write": [1]}), id="principal that is a number"),
        pytest.param(with_field("permissions", None), id="no permissions"),
        pytest.param(with_field("previous", "nothing"), id="previous that is no object"),
        pytest.param(with_field("actor", 1), id="actor that is a number"),
        pytest.param(with_header("ce_requestkey", b"k.r.1"), id="key of a request that is no UUID"),
        pytest.param(
            with_header("ce_requestkey", f"{ONE}.{TWO}.0".encode()),
            id="key of a request without events",
        ),
        pytest.param(
            with_header("ce_requestkey", f"{ONE}.{TWO}.1.t.t".encode()),
            id="key of a request with more",
        ),
    ],
)
def test_what_is_not_ours_is_not_guessed_at(damage: Callable[[Message], Message]) -> None:
    """One wrong row in the read model would be worse than none."""
    message = damage(encode(changed(), Offset(0)))

    with pytest.raises(Malformed):
        decode(message.key, message.value, message.headers)


def test_the_key_of_a_request_is_a_header() -> None:
    """`Idempotency-Key`: digests of key and request, the events it caused, and the next page."""
    key = RequestKey(id=ONE, request=TWO, events=3, next_token="eyJ")

    message = encode(changed(cause=replace(CAUSE, key=key)), Offset(0))

    assert dict(message.headers)["ce_requestkey"] == f"{ONE}.{TWO}.3.eyJ".encode()


def test_the_flush_of_a_partition_has_no_key() -> None:
    """It concerns every bucket there."""
    assert encode(flushed(), Offset(0)).key is None
