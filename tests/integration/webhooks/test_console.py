"""Webhooks over HTTP on a whole server: made, delivered to, looked at, sent again."""

from typing import Any

import pytest

from tests.clients.requester import Requester
from tests.support.hooks import (
    REFUSED,
    SECRET,
    accepted,
    attempts_of,
    data,
    hook,
    state_of,
    write,
)
from tests.support.receiver import OK, Receiver, Reply, always
from tests.support.server import wait_until
from tests.support.stack import new_name


def test_a_webhook_is_told_signed_and_each_attempt_is_on_record(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver, headers={"X-Token": "of the receiver"})
    receiver.behave(lambda received: REFUSED if received.tries == 1 else OK)
    data(nadia("PATCH", path, {"data": {"retry_schedule_s": [0, 0.2, 0.2]}}))

    write(nadia, bucket, "brest")
    [received] = accepted(receiver, 1)
    second, first = attempts_of(nadia, path, 2)

    assert received.headers["X-Token"] == "of the receiver"
    assert (first["outcome"], first["status"], first["number"]) == ("status", 500, 1)
    assert first["answer"] == "not today"
    assert first["next_try_at"]
    assert (second["outcome"], second["number"], second["is_reused"]) == ("delivered", 2, True)
    assert second["message_id"] == received.id
    assert second["ms"]["total"] > 0
    told = {name: value for name, value in received.headers.items() if name != "X-Token"}
    told |= {"X-Token": "***", "webhook-signature": "v1,***"}
    assert second["request_headers"] == told
    assert data(nadia("GET", f"{path}/status"))["last_acknowledged_at"] == second["at"]


def test_attempts_are_filtered_and_paged(nadia: Requester, bucket: str, receiver: Receiver) -> None:
    path = hook(nadia, bucket, receiver)
    write(nadia, bucket, *"abcde")
    attempts_of(nadia, path, 5)

    page = nadia("GET", f"{path}/attempts?_limit=2").json()
    rest = nadia("GET", f"{path}/attempts?_before={page['next']}").json()
    of_b = data(
        nadia(
            "GET",
            f"{path}/attempts?uri={bucket.removeprefix('/v1')}"
            "/collections/tides/records/b&status=2xx&outcome=delivered",
        )
    )

    assert [len(page["data"]), len(rest["data"]), rest["next"]] == [2, 3, None]
    assert len({each["message_id"] for each in (*page["data"], *rest["data"])}) == 5
    assert len(of_b) == 1
    assert data(nadia("GET", f"{path}/attempts?status=5xx")) == []


@pytest.mark.parametrize(
    "query",
    [
        *("_limit=0", "_before=x", "status=9", "outcome=odd", "_since=noon", "odd=1"),
        *("_since=0001-01-01T00:00:00%2B14:00", "uri=%00", "message_id=%00"),
    ],
)
def test_what_no_attempt_has_is_refused(
    nadia: Requester, bucket: str, receiver: Receiver, query: str
) -> None:
    path = hook(nadia, bucket, receiver)

    answer = nadia("GET", f"{path}/attempts?{query}")

    assert (answer.status_code, answer.json()["errno"]) == (400, 107)


def test_a_ping_a_sample_and_an_old_event_are_sent_at_once(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    write(nadia, bucket, "brest", title="Brest")
    [told] = accepted(receiver, 1)
    attempts_of(nadia, path, 1)

    ping = data(nadia("POST", f"{path}/messages"))
    sample = data(nadia("POST", f"{path}/messages", {"type": "record.deleted"}))
    again = data(nadia("POST", f"{path}/messages", {"message_id": told.id}))

    assert (ping["delivered"], sample["delivered"], again["delivered"]) == (True, True, True)
    assert [r.message["type"] for r in receiver.accepted[1:]] == [
        "webhook.ping",
        "record.deleted",
        "record.created",
    ]
    assert receiver.accepted[3].body == told.body
    assert receiver.accepted[3].id == told.id


def test_a_real_message_can_be_sent_to_a_webhook_on_trial(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    """Any of the bucket's, by the webhook's own choice of form; none of another bucket's."""
    path = hook(nadia, bucket, receiver)
    trial = f"{bucket}/webhooks/trial"
    fields = {"url": receiver.at("/trial"), "secret": SECRET, "enabled": False, "shape": "thin"}
    assert nadia("PUT", trial, {"data": fields}).status_code == 201
    write(nadia, bucket, "brest", level=1)
    [first] = accepted(receiver, 1)
    attempts_of(nadia, path, 1)

    result = data(nadia("POST", f"{trial}/messages", {"message_id": first.id}))
    elsewhere = f"/v1/buckets/atlas-{new_name()}"
    assert nadia("PUT", elsewhere).status_code == 201
    other = hook(nadia, elsewhere, receiver)
    refused = nadia("POST", f"{other}/messages", {"message_id": first.id})

    assert (result["delivered"], result["message_id"]) == (True, first.id)
    [_, again] = receiver.accepted
    assert (again.path, again.id) == ("/trial", first.id)
    assert "data" not in again.message["data"]
    assert refused.status_code == 400


def test_a_message_that_is_refused_says_how(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    receiver.behave(always(REFUSED))

    result = data(nadia("POST", f"{path}/messages", {"type": "webhook.ping"}))

    assert (result["delivered"], result["status"], result["answer"]) == (False, 500, "not today")


def test_a_redirect_is_not_followed_and_told(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    receiver.behave(always(Reply(status=307, headers={"Location": receiver.at("elsewhere")})))

    write(nadia, bucket, "a")
    attempt = attempts_of(nadia, path, 1)[-1]

    assert (attempt["outcome"], attempt["status"]) == ("status", 307)
    assert attempt["detail"] == f"Location: {receiver.at('elsewhere')}"
    assert {each.path for each in receiver.received} == {"/hook"}


def test_a_delivery_belongs_to_the_trace_of_the_write(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    nadia("PUT", f"{bucket}/collections/tides/records/a", headers={"traceparent": trace})

    [received] = accepted(receiver, 1)
    [attempt] = attempts_of(nadia, path, 1)
    assert received.headers["traceparent"].split("-")[1] == trace.split("-")[1]
    assert attempt["request_headers"]["traceparent"] == received.headers["traceparent"]


def test_a_replay_is_counted_first_and_sends_the_same_messages_again(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    write(nadia, bucket, *"abc", level=1)
    write(nadia, bucket, *"de", level=9)
    first = {received.id for received in accepted(receiver, 5)}
    asked = {"from": "beginning", "filter": "min_level=5"}

    counted = data(nadia("POST", f"{path}/replays", {**asked, "dry_run": True}))
    made = nadia("POST", f"{path}/replays", asked)
    replay = state_of(nadia, made.headers["Location"], "done")

    assert counted == {"events": 2, "is_complete": True}
    assert made.status_code == 201
    assert (replay["delivered"], replay["dead"], replay["has_ended"]) == (2, 0, True)
    assert replay["progress"] == 1
    again = [received.id for received in accepted(receiver, 7)[5:]]
    assert len(set(again)) == 2
    assert set(again) < first


def test_a_replay_pauses_goes_on_and_is_cancelled(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    # So many at one a second that it lasts until it is cancelled, however slow the machine is.
    count = 40
    write(nadia, bucket, *(f"r{number}" for number in range(count)))
    accepted(receiver, count)
    made = data(nadia("POST", f"{path}/replays", {"from": "beginning", "rate": 1}))
    replay = f"{path}/replays/{made['id']}"
    accepted(receiver, count + 1)

    paused = data(nadia("PATCH", replay, {"state": "paused"}))
    state_of(nadia, replay, "paused")
    data(nadia("PATCH", replay, {"state": "running"}))
    accepted(receiver, count + 2)
    data(nadia("PATCH", replay, {"state": "cancelled"}))
    cancelled = state_of(nadia, replay, "cancelled")
    too_late = nadia("PATCH", replay, {"state": "running"})

    assert paused["asked"] == "pause"
    assert 2 <= cancelled["delivered"] < count
    assert (too_late.status_code, too_late.json()["errno"]) == (400, 107)
    assert [each["id"] for each in data(nadia("GET", f"{path}/replays"))] == [made["id"]]


def test_a_snapshot_tells_of_what_there_is(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    write(nadia, bucket, "a", n=1)
    write(nadia, bucket, "a", n=2)
    write(nadia, bucket, "b", "gone")
    nadia("DELETE", f"{bucket}/collections/tides/records/gone")
    accepted(receiver, 5)

    made = data(nadia("POST", f"{path}/replays", {"from": "snapshot"}))
    state_of(nadia, f"{path}/replays/{made['id']}", "done")

    told = [received.message["data"] for received in accepted(receiver, 7)[5:]]
    assert len(told) == 2
    assert {each["record_id"]: each["data"].get("n") for each in told} == {"a": 2, "b": None}
    asked = {"from": "snapshot", "filter": "n=2", "rate": 5}
    counted = data(nadia("POST", f"{path}/replays", {**asked, "dry_run": True}))
    narrow = data(nadia("POST", f"{path}/replays", asked))
    done = state_of(nadia, f"{path}/replays/{narrow['id']}", "done")
    assert (counted["events"], done["delivered"], done["spec"]["rate"]) == (1, 1, 5)
    assert accepted(receiver, 8)[7].message["data"]["record_id"] == "a"


def test_a_snapshot_tells_of_what_the_history_has_lost(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    """Of `a` nothing is left there, of `c` an old version only; `gone` is not there any more."""
    path = hook(nadia, bucket, receiver, events=["record.*", "collection.*"])
    records = f"{bucket}/collections/tides/records"
    write(nadia, bucket, "a", "b", "c", "gone", n=1)
    write(nadia, bucket, "a", "c", n=2)
    nadia("DELETE", f"{records}/gone")
    of_c = data(nadia("GET", f"{bucket}/history?uri={records.removeprefix('/v1')}/c&_sort=date"))
    since = of_c[0]["last_modified"]
    data(nadia("DELETE", f"{bucket}/history?uri={records.removeprefix('/v1')}/c&_since={since}"))
    for name in ("a", "gone"):
        data(nadia("DELETE", f"{bucket}/history?uri={records.removeprefix('/v1')}/{name}"))
    data(nadia("DELETE", f"{bucket}/history?resource_name=collection"))
    write(nadia, bucket, "d", n=1)
    told_before = len(accepted(receiver, 8))

    made = data(nadia("POST", f"{path}/replays", {"from": "snapshot"}))
    state_of(nadia, f"{path}/replays/{made['id']}", "done")

    told = [r.message["data"] for r in accepted(receiver, told_before + 5)[told_before:]]
    assert sorted((each["uri"].split("/")[-1], each["data"].get("n")) for each in told) == [
        ("a", 2),
        ("b", 1),
        ("c", 2),
        ("d", 1),
        ("tides", None),
    ]


def test_events_can_be_pulled_by_a_cursor(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver, enabled=False)
    write(nadia, bucket, *"abcde")

    page = nadia("GET", f"{path}/events?_limit=3").json()
    rest = nadia("GET", f"{path}/events?_after={page['next']}").json()
    none = nadia("GET", f"{path}/events?_after={rest['next']}").json()
    names = [each["data"]["record_id"] for each in (*page["data"], *rest["data"])]

    assert (names, page["has_more"], none["data"]) == (list("abcde"), True, [])
    assert receiver.received == []
    data(nadia("PATCH", path, {"data": {"enabled": True}}))
    told = {each.id for each in accepted(receiver, 5)}
    assert told == {*page["ids"], *rest["ids"]}


def test_the_status_tells_how_far_it_is(nadia: Requester, bucket: str, receiver: Receiver) -> None:
    path = hook(nadia, bucket, receiver)
    receiver.behave(always(REFUSED))
    write(nadia, bucket, "a", "b")
    attempts_of(nadia, path, 2)

    def status() -> Any:
        return data(nadia("GET", f"{path}/status"))

    wait_until(lambda: status()["parked"] == 2, what="both parked")
    found = status()

    assert (found["dead"], found["stopped_for"]) == (0, None)
    assert found["next_try_at"]


@pytest.mark.parametrize(
    ("method", "part", "body"),
    [
        ("GET", "status", None),
        ("GET", "attempts", None),
        ("GET", "events", None),
        ("POST", "messages", {}),
        ("GET", "replays", None),
        ("POST", "replays", {"from": "beginning"}),
        ("GET", f"replays/{'0' * 8}-0000-0000-0000-{'0' * 12}", None),
    ],
)
def test_only_who_may_write_a_webhook_sees_its_deliveries(
    nadia: Requester, bucket: str, receiver: Receiver, *, method: str, part: str, body: Any
) -> None:
    omar = Requester(nadia.origin, "omar")
    nadia("PATCH", bucket, {"permissions": {"read": ["system.Authenticated"]}})
    path = hook(nadia, bucket, receiver)

    answer = omar(method, f"{path}/{part}", body)
    omar.close()

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("replays", {}),
        ("replays", {"from": "now"}),
        ("replays", {"from": {"offset": -1}}),
        ("replays", {"from": "beginning", "until": "snapshot"}),
        ("replays", {"from": "snapshot", "until": {"offset": 3}}),
        ("replays", {"from": "snapshot", "messages": ["evt_1"]}),
        ("replays", {"from": "beginning", "filter": "_sort=level"}),
        ("replays", {"from": "beginning", "messages": []}),
        ("replays", {"from": "beginning", "odd": 1}),
        ("messages", {"type": "nothing.happened"}),
        ("messages", {"type": "webhook.ping", "offset": 3}),
        ("messages", {"message_id": "evt_unknown"}),
        ("messages", {"offset": 1_000_000_000}),
        ("messages", [1]),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    nadia: Requester, bucket: str, receiver: Receiver, part: str, body: Any
) -> None:
    path = hook(nadia, bucket, receiver)

    answer = nadia("POST", f"{path}/{part}", body)

    assert (answer.status_code, answer.json()["errno"]) == (400, 107), answer.text


def test_a_replay_of_another_webhook_is_not_found(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)

    assert nadia("GET", f"{path}/replays/not-an-id").status_code == 404


def test_replays_of_a_deleted_webhook_are_not_those_of_the_next_one_of_its_id(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = hook(nadia, bucket, receiver)
    made = data(nadia("POST", f"{path}/replays", {"from": "beginning"}))
    state_of(nadia, f"{path}/replays/{made['id']}", "done")

    assert nadia("DELETE", path).status_code == 200
    hook(nadia, bucket, receiver)
    wait_until(
        lambda: nadia("GET", f"{path}/replays/{made['id']}").status_code == 404,
        what="the webhook's next life",
    )

    assert data(nadia("GET", f"{path}/replays")) == []
    assert nadia("PATCH", f"{path}/replays/{made['id']}", {"state": "paused"}).status_code == 404


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_cursor_that_the_log_does_not_have_is_refused(
    nadia: Requester, bucket: str, receiver: Receiver, accept: str
) -> None:
    """Of another bucket, or from before a restore: it would be waited for in silence."""
    path = hook(nadia, bucket, receiver)

    answer = nadia("GET", f"{path}/events?_after=1000000000", headers={"Accept": accept})

    assert (answer.status_code, answer.json()["errno"]) == (400, 107)
    assert answer.json()["details"][0]["description"] == "beyond the end of the log"
