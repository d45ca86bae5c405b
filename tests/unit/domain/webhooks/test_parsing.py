"""What a webhook's data may say, and what is said to be wrong with it."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from muniment.domain.values import Timestamp
from muniment.domain.webhooks.fields import Fields
from muniment.domain.webhooks.parsing import parse_webhook
from muniment.domain.webhooks.spec import (
    Algorithm,
    Batch,
    BatchFormat,
    Form,
    Format,
    Order,
    Secret,
    Shape,
    Start,
    StartKind,
    State,
    Status,
    Tls,
    WebhookSpec,
)
from tests.support.certificates import Authority

URL = "https://receiver.example/hook"
SEALED = "sealed:1:0f3a:bm90IHJlYWxseQ"
ID, CUSTOMER = ("id",), ("customer", "name")
AUTHORITY = Authority()
ISSUED, OTHER = AUTHORITY.issue("client.example"), AUTHORITY.issue("other.example")
CERTIFICATE = ISSUED.certificate
STORED_SECRET = {
    "id": "k1",
    "algorithm": "v1a",
    "sealed": SEALED,
    "public_key": "whpk_AAAA",
    "created": 5,
    "expires": None,
}


def with_password(key: str) -> str:
    """The key as nobody could use it here."""
    return (
        load_pem_private_key(key.encode(), password=None)
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
        .decode()
    )


def parsed(**fields: Any) -> WebhookSpec:
    spec = parse_webhook({"url": URL, **fields})
    assert isinstance(spec, WebhookSpec), spec
    return spec


def faults(fields: dict[str, Any], *, https_only: bool = False) -> list[str]:
    """The names of what is wrong."""
    found = parse_webhook(fields, prefix="data.", https_only=https_only)
    assert not isinstance(found, WebhookSpec)
    assert all(fault.location == "body" and fault.description for fault in found)
    return [str(fault.name) for fault in found]


def test_a_url_is_enough() -> None:
    """All else has a default, or is left to the settings."""
    spec = parsed()

    assert (spec.url, spec.is_enabled) == (URL, True)
    assert spec.form == Form(shape=Shape.FULL, format=Format.STANDARD, fields=None)
    assert (spec.signatures, spec.secrets, spec.headers) == ((Algorithm.HMAC,), (), {})
    assert (spec.order, spec.batch, spec.timeout_s) == (Order.RECORD, None, None)
    assert (spec.retry_schedule_s, spec.window) == (None, None)
    assert (spec.rate_limit, spec.disable_after_s) == (None, None)
    assert (spec.start, spec.tls, spec.status.state) == (Start(), None, State.ACTIVE)
    assert "record.created" in spec.selection.types
    assert "collection.deleted" in spec.selection.types
    assert "group.created" not in spec.selection.types


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("enabled", False, ("is_enabled", False)),
        ("shape", "full+previous", ("form", Form(shape=Shape.FULL_AND_PREVIOUS))),
        ("format", "cloudevents", ("form", Form(format=Format.CLOUDEVENTS))),
        (
            "fields",
            ["id", "customer.name"],
            ("form", Form(fields=Fields(((ID, ID), (CUSTOMER, CUSTOMER))))),
        ),
        (
            "fields",
            {"client": "customer.name"},
            ("form", Form(fields=Fields(((("client",), CUSTOMER),)))),
        ),
        ("headers", {"Authorization": SEALED}, ("headers", {"Authorization": SEALED})),
        ("headers", {"X-Team": "blue, 7"}, ("headers", {"X-Team": "blue, 7"})),
        ("signatures", ["v1a", "v1"], ("signatures", (Algorithm.ED25519, Algorithm.HMAC))),
        ("order", "strict", ("order", Order.STRICT)),
        ("rate_limit", 0.5, ("rate_limit", 0.5)),
        ("window", 256, ("window", 256)),
        ("window", 2.0, ("window", 2)),
        ("batch", {"max_events": 50}, ("batch", Batch(max_events=50, max_wait_ms=1000))),
        (
            "batch",
            {"max_events": 1000, "max_wait_ms": 0},
            ("batch", Batch(max_events=1000, max_wait_ms=0)),
        ),
        (
            "batch",
            {"max_events": 5, "format": "ndjson"},
            ("batch", Batch(max_events=5, max_wait_ms=1000, format=BatchFormat.NDJSON)),
        ),
        ("timeout_s", 30, ("timeout_s", 30)),
        ("retry_forever", True, ("retries_forever", True)),
        ("drain", True, ("drains", True)),
        ("retry_schedule_s", [0, 5, 300.5], ("retry_schedule_s", (0, 5, 300.5))),
        ("disable_after_s", 3600, ("disable_after_s", 3600)),
        ("start", "beginning", ("start", Start(kind=StartKind.BEGINNING))),
        ("start", "snapshot", ("start", Start(kind=StartKind.SNAPSHOT))),
        ("start", {"sequence": 7}, ("start", Start(kind=StartKind.SEQUENCE, value=7))),
        ("start", {"offset": 0}, ("start", Start(kind=StartKind.OFFSET, value=0))),
        (
            "start",
            {"time": "2026-11-21T08:00:00.250+01:00"},
            ("start", Start(kind=StartKind.TIME, value=1_795_244_400_250)),
        ),
        ("tls", {"ca": CERTIFICATE}, ("tls", Tls(ca=CERTIFICATE))),
        (
            "tls",
            {"client_certificate": CERTIFICATE, "client_key": ISSUED.key},
            ("tls", Tls(client_certificate=CERTIFICATE, client_key=ISSUED.key)),
        ),
        (
            "tls",
            {"client_certificate": CERTIFICATE, "client_key": SEALED},
            ("tls", Tls(client_certificate=CERTIFICATE, client_key=SEALED)),
        ),
        (
            "secrets",
            [STORED_SECRET],
            (
                "secrets",
                (
                    Secret(
                        id="k1",
                        algorithm=Algorithm.ED25519,
                        sealed=SEALED,
                        public_key="whpk_AAAA",
                        created=Timestamp(5),
                    ),
                ),
            ),
        ),
        (
            "status",
            {"state": "failing", "since": 8, "reason": "503"},
            ("status", Status(state=State.FAILING, since=Timestamp(8), reason="503")),
        ),
    ],
    ids=str,
)
def test_a_field_is_read(name: str, value: Any, read: tuple[str, Any]) -> None:
    field, wanted = read

    assert getattr(parsed(**{name: value}), field) == wanted


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("url", "example.org/hook", "url"),
        ("url", 5, "url"),
        ("url", "https://user:word@example.org/", "url"),
        ("enabled", "yes", "enabled"),
        ("description", 5, "description"),
        ("events", [], "events"),
        ("events", "record.created", "events"),
        ("events", ["record.created", "record.cre*"], "events.1"),
        ("events", ["account.created"], "events.0"),
        ("collections", [], "collections"),
        ("collections", ["tides", "ti/des"], "collections.1"),
        ("records", "st-1", "records"),
        ("filter", 5, "filter"),
        ("filter", "like_status=1", "filter"),
        ("filter", "x=" * 5_000, "filter"),
        ("shape", "huge", "shape"),
        ("format", "xml", "format"),
        ("fields", [], "fields"),
        ("fields", {}, "fields"),
        ("fields", "status", "fields"),
        ("fields", 5, "fields"),
        ("fields", ["status", ""], "fields.1"),
        ("fields", ["status", 5], "fields.1"),
        ("fields", ["customer..name"], "fields.0"),
        ("fields", ["x" * 513], "fields.0"),
        ("fields", [".".join("x" * 65)], "fields.0"),
        ("fields", {"client": ["name"]}, "fields.client"),
        ("fields", {"client.": "name"}, "fields.client."),
        ("fields", ["status", "status"], "fields"),
        ("fields", ["customer.name", "customer"], "fields"),
        ("fields", {"a.b": "x", "a-b": "y", "a": "z"}, "fields"),
        ("fields", [str(number) for number in range(101)], "fields"),
        ("headers", ["X"], "headers"),
        ("headers", {"X-A": 5}, "headers.X-A"),
        ("headers", {"X A": "5"}, "headers.X A"),
        ("headers", {"Host": "evil"}, "headers.Host"),
        ("headers", {"Webhook-Id": "1"}, "headers.Webhook-Id"),
        ("headers", {"X-A": "1\r\nX-B: 2"}, "headers.X-A"),
        ("headers", {"X-A": "sealed:nonsense"}, "headers.X-A"),
        ("headers", {"X-A": "1", "x-a": "2"}, "headers"),
        ("headers", {f"X-{number}": "1" for number in range(33)}, "headers"),
        ("signatures", [], "signatures"),
        ("signatures", ["v2"], "signatures.0"),
        ("signatures", ["v1", "v1"], "signatures"),
        ("secret", "whsec_short", "secret"),
        ("secret", 7, "secret"),
        ("order", "fifo", "order"),
        ("rate_limit", 0, "rate_limit"),
        ("rate_limit", True, "rate_limit"),
        ("window", 257, "window"),
        ("window", 1.5, "window"),
        ("batch", 5, "batch"),
        ("batch", {"max_wait_ms": 5}, "batch.max_events"),
        ("batch", {"max_events": 5, "max_wait_ms": -1}, "batch.max_wait_ms"),
        ("batch", {"max_events": 5, "max": 5}, "batch.max"),
        ("batch", {"max_events": 5, "format": "csv"}, "batch.format"),
        ("batch", {"max_events": 5, "format": None}, "batch.format"),
        ("timeout_s", 31, "timeout_s"),
        ("timeout_s", float("nan"), "timeout_s"),
        ("retry_forever", "yes", "retry_forever"),
        ("drain", 1, "drain"),
        ("retry_schedule_s", [], "retry_schedule_s"),
        ("retry_schedule_s", [0] * 21, "retry_schedule_s"),
        ("retry_schedule_s", [0, -1], "retry_schedule_s.1"),
        ("retry_schedule_s", [2_000_000, 2_000_000], "retry_schedule_s"),
        ("disable_after_s", "3 days", "disable_after_s"),
        ("start", "yesterday", "start"),
        ("start", "sequence", "start"),
        ("start", {"sequence": -1}, "start.sequence"),
        ("start", {"day": 1}, "start.day"),
        ("start", {"time": "2026-11-21T08:00:00"}, "start.time"),
        ("start", {"time": "1900-01-01T00:00:00Z"}, "start.time"),
        ("start", {"time": "0001-01-01T00:00:00+23:59"}, "start.time"),
        ("start", {"offset": 1, "sequence": 1}, "start"),
        ("tls", "on", "tls"),
        ("tls", {"verify": False}, "tls.verify"),
        ("tls", {"ca": "not a certificate"}, "tls.ca"),
        ("tls", {"ca": SEALED}, "tls.ca"),
        ("tls", {"client_key": SEALED}, "tls"),
        ("tls", {"ca": ISSUED.key}, "tls.ca"),
        ("tls", {"ca": 5}, "tls.ca"),
        ("tls", {"ca": "x" * 65_537}, "tls.ca"),
        (
            "tls",
            {"client_certificate": ISSUED.key, "client_key": SEALED},
            "tls.client_certificate",
        ),
        (
            "tls",
            {"client_certificate": CERTIFICATE, "client_key": OTHER.key},
            "tls.client_key",
        ),
        (
            "tls",
            {"client_certificate": CERTIFICATE, "client_key": CERTIFICATE},
            "tls.client_key",
        ),
        (
            "tls",
            {"client_certificate": CERTIFICATE, "client_key": with_password(ISSUED.key)},
            "tls.client_key",
        ),
        ("secrets", [{"id": "k1"}], "secrets.0"),
        ("status", {"state": "well"}, "status"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(name: str, value: Any, fault: str) -> None:
    assert faults({"url": URL, name: value}) == [f"data.{fault}"]


@pytest.mark.parametrize("other", [{"shape": "thin"}, {"format": "cocobase"}], ids=str)
def test_fields_are_chosen_only_where_there_are_some(other: dict[str, str]) -> None:
    """Thin messages have none; CocoBase's have documents whole by its contract (section 8)."""
    assert faults({"url": URL, "fields": ["status"], **other}) == ["data.fields"]


def test_without_a_url_there_is_no_webhook() -> None:
    assert faults({}) == ["data.url"]


def test_all_faults_are_told_at_once() -> None:
    assert faults({"window": 0, "order": 7}) == ["data.url", "data.order", "data.window"]


def test_an_operator_may_allow_https_only() -> None:
    assert faults({"url": "http://receiver.example/"}, https_only=True) == ["data.url"]


def test_null_is_as_if_the_field_were_not_there() -> None:
    names = ("enabled", "events", "filter", "headers", "batch", "start", "tls", "status")

    assert parsed(**dict.fromkeys(names)) == parsed()


def test_other_fields_are_the_users_own() -> None:
    assert parsed(team={"name": "tides"}) == parsed()


def test_a_secret_is_not_repeated_in_a_message() -> None:
    """Messages end up in logs."""
    secret, header, key = "whsec_hushhush", "hush\nhush", "-----BEGIN hush"
    found = parse_webhook(
        {"url": URL, "secret": secret, "headers": {"X-A": header}, "tls": {"client_key": key}}
    )

    assert not isinstance(found, WebhookSpec)
    assert len(found) == 3
    assert "hush" not in "".join(fault.description for fault in found)


def test_only_live_keys_of_the_algorithms_asked_for_sign() -> None:
    now = Timestamp(1_000)
    keys = [
        {**STORED_SECRET, "id": "new", "algorithm": "v1"},
        {**STORED_SECRET, "id": "old", "algorithm": "v1", "expires": 1_001},
        {**STORED_SECRET, "id": "expired", "algorithm": "v1", "expires": 1_000},
        {**STORED_SECRET, "id": "other", "algorithm": "v1a"},
    ]

    assert [key.id for key in parsed(secrets=keys).live_secrets(now)] == ["new", "old"]
