"""An endpoint whose breaker opens and closes, on a whole server."""

from typing import Any

from muniment.webhooks.breaker import COUNTED_MAX
from tests.clients.requester import Requester
from tests.support.hooks import REFUSED, data, hook, write
from tests.support.receiver import OK, Received, Receiver, Reply
from tests.support.server import wait_until

RECORDS = 60


def test_who_refuses_most_gets_probes_until_one_is_taken_and_then_all_there_is(
    nadia: Requester, bucket: str, receiver: Receiver
) -> None:
    is_well, calls = False, 0

    def behaviour(_: Received) -> Reply:
        nonlocal calls
        calls += 1
        # Never so many in a row that it would count as away.
        return OK if is_well or calls % 5 == 0 else REFUSED

    receiver.behave(behaviour)
    path = hook(nadia, bucket, receiver, window=1, retry_schedule_s=[0, *([2] * 19)])
    write(nadia, bucket, *(str(number) for number in range(RECORDS)))

    def status() -> Any:
        return data(nadia("GET", f"{path}/status"))

    wait_until(lambda: status()["breaker"]["state"] == "open", what="an open one")
    opened, tried = status(), len(receiver.received)
    is_well = True
    wait_until(
        lambda: len({each.uri for each in receiver.accepted}) == RECORDS,
        what="all of it",
    )
    wait_until(lambda: status()["breaker"]["state"] == "closed", what="a closed one")
    after = status()

    assert opened["breaker"]["cause"] == "share"
    assert opened["breaker"]["opened_at"]
    assert tried >= COUNTED_MAX
    assert after["breaker"] == {"state": "closed", "cause": None, "opened_at": None}
    assert after["dead"] == 0
