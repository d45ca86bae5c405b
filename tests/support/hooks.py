"""What tests of webhooks do over HTTP: make one, write records, wait for what comes of it."""

import time
from base64 import b64encode
from typing import Any, Final

from tests.clients.requester import Requester
from tests.support.receiver import Received, Receiver, Reply
from tests.support.server import PATIENCE_S, wait_until

SECRET: Final = f"whsec_{b64encode(b'of the test, 24 bytes...').decode()}"
REFUSED: Final = Reply(status=500, body=b"not today")


def hook(nadia: Requester, bucket: str, receiver: Receiver, **fields: Any) -> str:
    """A webhook of the bucket that goes to the receiver."""
    path = f"{bucket}/webhooks/hook"
    data = {"url": receiver.url, "secret": SECRET, "events": ["record.*"], **fields}
    assert nadia("PUT", path, {"data": data}).status_code == 201
    return path


def write(nadia: Requester, bucket: str, *names: str, **fields: Any) -> None:
    for name in names:
        path = f"{bucket}/collections/tides/records/{name}"
        assert nadia("PUT", path, {"data": fields}).status_code in {200, 201}


def accepted(receiver: Receiver, count: int) -> list[Received]:
    wait_until(lambda: len(receiver.accepted) >= count, what=f"{count} deliveries")
    return receiver.accepted


def data(answer: Any) -> Any:
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["data"]


def attempts_of(nadia: Requester, path: str, count: int, query: str = "") -> list[Any]:
    """The list of attempts, when it has so many."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := data(nadia("GET", f"{path}/attempts?{query}"))) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return list(found)


def state_of(nadia: Requester, path: str, *states: str) -> Any:
    """The replay, when it is in one of these states."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := data(nadia("GET", path)))["state"] not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found
