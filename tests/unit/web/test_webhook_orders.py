"""Requests between instances are signed: the door that they come in by is open to clients too."""

import time

import pytest

from muniment.domain.addresses import webhook
from muniment.domain.values import Uid
from muniment.domain.webhooks.spec import State
from muniment.web.webhook_orders import (
    SIGNATURE,
    TOLERANCE_S,
    InternalKey,
    Unsigned,
    WebhookOrder,
    WebhookRekey,
    WebhookReport,
    read_order,
    write_order,
)

KEY = InternalKey(b"of all instances")
REPORT = WebhookReport(
    address=webhook("atlas", "billing"), uid=Uid("u"), state=State.FAILING, reason="HTTP 503"
)

REKEY = WebhookRekey(address=webhook("atlas", "billing"), uid=Uid("u"))


@pytest.mark.parametrize("order", [REPORT, REKEY], ids=["report", "rekey"])
def test_an_order_is_read_as_it_was_written(order: WebhookOrder) -> None:
    body, headers = write_order(order, KEY)

    assert read_order(body, headers, KEY) == order


@pytest.mark.parametrize("signature", ["", "x", "1.2", "-1.2", "9" * 400 + ".2", "１.2"])
def test_what_is_not_signed_is_refused(signature: str) -> None:
    body, _ = write_order(REPORT, KEY)

    with pytest.raises(Unsigned):
        read_order(body, {SIGNATURE: signature}, KEY)


def test_another_body_or_key_is_refused() -> None:
    body, headers = write_order(REPORT, KEY)

    with pytest.raises(Unsigned):
        read_order(body.replace(b"billing", b"another"), headers, KEY)
    with pytest.raises(Unsigned):
        read_order(body, headers, InternalKey(b"of others"))


def test_an_old_request_cannot_be_sent_again() -> None:
    body, _ = write_order(REPORT, KEY)
    old = KEY.sign(body, at_s=int(time.time()) - TOLERANCE_S - 5)

    with pytest.raises(Unsigned):
        read_order(body, {SIGNATURE: old}, KEY)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"bucket_id": "a/b", "webhook_id": "w", "uid": "", "state": "", "reason": ""}'],
)
def test_what_an_instance_would_not_write_is_refused(body: bytes) -> None:
    headers = {SIGNATURE: KEY.sign(body, at_s=int(time.time()))}

    with pytest.raises(Unsigned):
        read_order(body, headers, KEY)
