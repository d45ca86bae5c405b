"""Backoff, end of service, cache headers."""

from datetime import date

import orjson
import pytest

from muniment.domain.addresses import BucketId, CollectionId, Kind
from muniment.web.cache import UNCACHED, CachePolicy, expiry_headers
from muniment.web.signals import Signals, alert
from tests.unit.web.building import json_of

TODAY = date(2026, 1, 10)
NOON = 1767000123.7


def signals(**given: object) -> Signals:
    return Signals(today=lambda: TODAY, **given)  # type: ignore[arg-type]  # a builder


def test_nothing_is_signalled_by_default() -> None:
    """SIG-1: absent by default."""
    assert Signals().are_silent
    assert Signals().headers() == {}


def test_backoff_is_told_in_whole_seconds() -> None:
    """SIG-1 and C-13."""
    assert signals(backoff_s=10).headers() == {"Backoff": "10"}


@pytest.mark.parametrize(("chance", "told"), [(0.49, True), (0.51, False)])
def test_backoff_can_be_told_to_a_share_of_clients(chance: float, told: bool) -> None:
    """SIG-1."""
    headers = signals(backoff_s=10, backoff_percentage=50, chance=lambda: chance).headers()

    assert ("Backoff" in headers) is told


def test_an_end_to_come_is_an_alert() -> None:
    """SIG-3 and SIG-4."""
    made = signals(eos=date(2026, 1, 11), eos_message="Ends", eos_url="https://x.example")

    assert made.gone() is None
    assert made.headers()["Alert"] == (
        '{"code":"soft-eol","message":"Ends","url":"https://x.example"}'
    )


@pytest.mark.parametrize("eos", [date(2026, 1, 9), TODAY])
def test_after_the_end_all_is_gone(eos: date) -> None:
    """SIG-4."""
    made = signals(eos=eos)
    response = made.gone()

    assert response is not None
    assert (response.status, json_of(response)["errno"]) == (410, 202)
    assert orjson.loads(made.headers()["Alert"])["code"] == "hard-eol"


@pytest.mark.parametrize("message", ["Größe", "𝄞", "a\r\nb", '"'])
def test_an_alert_is_ascii_and_one_line(message: str) -> None:
    """SIG-3: clients parse it as JSON."""
    text = alert("soft-eol", message, None)

    assert text.isascii()
    assert text.isprintable()
    assert orjson.loads(text) == {"code": "soft-eol", "message": message}


def policy(**given: object) -> CachePolicy:
    return CachePolicy(now_s=lambda: NOON, **given)  # type: ignore[arg-type]  # a builder


def record_headers(
    made: CachePolicy, *, cache_expires_s: int | None = None, is_anonymous: bool = True
) -> dict[str, str]:
    return dict(
        made.headers(
            Kind.RECORD,
            is_anonymous=is_anonymous,
            bucket_id=BucketId("atlas"),
            collection_id=CollectionId("stations"),
            cache_expires_s=cache_expires_s,
        )
    )


def test_nothing_is_kept_by_default() -> None:
    """CACHE-1 and LIST-3."""
    assert policy().headers(Kind.BUCKET, is_anonymous=True) == UNCACHED
    assert UNCACHED == {"Cache-Control": "no-cache, no-store"}


def test_a_collection_says_how_long_its_records_may_be_kept() -> None:
    """CACHE-2."""
    assert record_headers(policy(), cache_expires_s=60) == {
        "Cache-Control": "max-age=60",
        "Expires": "Mon, 29 Dec 2025 09:23:03 GMT",
    }


def test_zero_says_never() -> None:
    """CACHE-2."""
    assert record_headers(policy(), cache_expires_s=0) == {
        "Cache-Control": "max-age=0, must-revalidate, no-cache, no-store",
        "Expires": "Mon, 29 Dec 2025 09:22:03 GMT",
        "Pragma": "no-cache",
    }


def test_an_authenticated_reader_keeps_it_private() -> None:
    """CACHE-3 (D-18)."""
    headers = record_headers(policy(), cache_expires_s=60, is_anonymous=False)

    assert headers["Cache-Control"] == "private, max-age=60"


def test_the_references_way_can_be_chosen() -> None:
    """CACHE-3 (D-18)."""
    made = policy(is_for_authenticated=False)

    assert record_headers(made, cache_expires_s=60, is_anonymous=False) == UNCACHED
    assert "Expires" in record_headers(made, cache_expires_s=60)


@pytest.mark.parametrize(
    ("by_parent", "age"),
    [
        ({}, 10),
        ({"atlas": 20}, 20),
        ({"atlas": 20, "atlas.stations": 5}, 5),
        ({"other": 99}, 10),
    ],
)
def test_the_most_specific_setting_wins(by_parent: dict[str, int], age: int) -> None:
    """CACHE-4."""
    made = policy(age_s_by_kind={Kind.RECORD: 10}, record_age_s_by_parent=by_parent)

    assert record_headers(made)["Cache-Control"] == f"max-age={age}"


def test_settings_are_for_the_anonymous() -> None:
    """CACHE-4."""
    made = policy(age_s_by_kind={Kind.RECORD: 10})

    assert record_headers(made, is_anonymous=False) == UNCACHED


@pytest.mark.parametrize("cache_expires_s", [5, 50])
def test_the_greater_of_setting_and_field_counts(cache_expires_s: int) -> None:
    """CACHE-4."""
    made = policy(age_s_by_kind={Kind.RECORD: 20})

    headers = record_headers(made, cache_expires_s=cache_expires_s)

    assert headers["Cache-Control"] == f"max-age={max(20, cache_expires_s)}"


@pytest.mark.parametrize("age_s", [10**12, 10**30])
def test_an_age_without_measure_is_bounded(age_s: int) -> None:
    """`cache_expires` is any integer that a client stores."""
    assert "Expires" in expiry_headers(age_s, NOON)


def test_a_negative_age_says_nothing() -> None:
    assert record_headers(policy(), cache_expires_s=-1) == UNCACHED
