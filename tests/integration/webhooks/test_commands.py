"""`muniment webhooks …` against a running server."""

import socket
import subprocess
import time
from typing import Any

import orjson

from tests.clients.requester import Requester
from tests.support.hooks import hook, write
from tests.support.receiver import Receiver
from tests.support.server import MUNIMENT, wait_until


def start(nadia: Requester, command: str, bucket: str, *more: str) -> "subprocess.Popen[bytes]":
    server = ("--server", nadia.origin, "--user", "nadia")
    return subprocess.Popen(
        [*MUNIMENT, "webhooks", command, bucket.removeprefix("/v1/buckets/"), *more, *server],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"MUNIMENT_PASSWORD": "password", "PATH": "/usr/bin:/bin"},
    )


def told(process: "subprocess.Popen[bytes]", code: int = 0) -> tuple[Any, str]:
    """Its output as JSON, and what it said beside it."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors.decode()
    return orjson.loads(output) if output else None, errors.decode()


def test_webhooks_are_listed_with_how_they_stand(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    hook(nadia, bucket, receiver)

    [row], _ = told(start(nadia, "list", bucket, "-o", "json"))

    assert (row["id"], row["url"], row["deliveries"]["parked"]) == ("hook", receiver.url, 0)


def test_a_ping_an_old_message_and_a_replay(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    hook(nadia, bucket, receiver)
    write(nadia, bucket, "a", "b")
    wait_until(lambda: len(receiver.accepted) == 2, what="two deliveries")
    [first, _] = receiver.accepted

    ping, _ = told(start(nadia, "test", bucket, "hook"))
    wait_until(
        lambda: len(nadia("GET", f"{bucket}/webhooks/hook/attempts").json()["data"]) >= 3,
        what="attempts",
    )
    again, _ = told(start(nadia, "resend", bucket, "hook", first.id))
    counted, _ = told(start(nadia, "replay", bucket, "hook", "--from", "beginning", "--dry-run"))
    job, _ = told(start(nadia, "replay", bucket, "hook", "--from", "offset=0"))
    days, _ = told(start(nadia, "days", bucket, "hook", "-o", "json"))

    assert (ping["delivered"], again["message_id"], counted["events"]) == (True, first.id, 2)
    assert (job["state"], job["delivered"]) == ("done", 2)
    assert len(receiver.accepted) == 6
    assert sum(each["acknowledged"] for each in days) >= 4


def test_a_listener_prints_and_forwards_signed_messages(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    hook(nadia, bucket, receiver, enabled=False)
    write(nadia, bucket, "early")
    listening = start(nadia, "listen", bucket, "hook", "--forward", receiver.url)
    try:
        deadline = time.monotonic() + 60
        while not receiver.accepted:
            assert time.monotonic() < deadline
            write(nadia, bucket, "late")
            time.sleep(0.3)
    finally:
        listening.terminate()
        output, _ = listening.communicate(timeout=30)

    messages = [orjson.loads(line) for line in output.splitlines()]
    assert {each["data"]["record_id"] for each in messages} == {"late"}
    assert all(each.id.startswith("evt_") for each in receiver.accepted)
    assert receiver.forged == []
    assert "Authorization" not in receiver.accepted[0].headers


def test_what_is_forwarded_has_the_media_type_of_its_format(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    hook(nadia, bucket, receiver, enabled=False, format="cloudevents")
    write(nadia, bucket, "early")
    forward = ("--forward", receiver.url, "--after", "0")
    listening = start(nadia, "listen", bucket, "hook", *forward)
    try:
        wait_until(lambda: bool(receiver.accepted), what="a forwarded message", timeout_s=60)
    finally:
        listening.terminate()
        listening.communicate(timeout=30)

    assert receiver.accepted[0].headers["Content-Type"] == "application/cloudevents+json"
    assert receiver.forged == []


def test_what_only_the_server_can_sign_is_not_forwarded(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    """A receiver would refuse each message: it has no signature that anybody here could make."""
    path = f"{bucket}/webhooks/hook"
    data = {"url": receiver.url, "enabled": False, "signatures": ["v1a"]}
    assert nadia("PUT", path, {"data": data}).status_code == 201

    _, said = told(start(nadia, "listen", bucket, "hook", "--forward", receiver.url), code=2)

    assert "v1a alone" in said


def test_what_was_not_taken_is_told_with_what_may_help(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    path = f"{bucket}/webhooks/hook"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for url, expected in {
        f"http://127.0.0.1:{port}/": "Nothing listens",
        "http://10.0.0.1/": "MUNIMENT_WEBHOOKS_ALLOWED_NETWORKS",
    }.items():
        assert nadia("PUT", path, {"data": {"url": url}}).status_code in {200, 201}

        result, said = told(start(nadia, "test", bucket, "hook"), code=2)

        assert result["delivered"] is False
        assert expected in said


def test_what_is_refused_is_told_in_a_sentence(nadia: Requester, bucket: str) -> None:
    nothing, said = told(start(nadia, "test", bucket, "unknown"), code=2)

    assert nothing is None
    assert "refuses (404)" in said
    assert "Traceback" not in said
