"""What a person is shown of a URL."""

import pytest

from muniment.runtime.urls import MASK, masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "kafka://u:hunter2@h:9092,i:9092?sasl=PLAIN",
            f"kafka://u:{MASK}@h:9092,i:9092?sasl=PLAIN",
        ),
        ("kafka+ssl://u:hun@ter:2@h:9093", f"kafka+ssl://u:{MASK}@h:9093"),
        ("postgresql://:hunter2@h/d", f"postgresql://:{MASK}@h/d"),
        (
            "postgresql://h/d?user=u&password=hunter2&x=1",
            f"postgresql://h/d?user=u&password={MASK}&x=1",
        ),
        ("postgresql://h/d?sslpassword=hunter2", f"postgresql://h/d?sslpassword={MASK}"),
        ("at postgresql://u:hunter2@h/d: away", f"at postgresql://u:{MASK}@h/d: away"),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1:9092", "https://h:8888/v1?a=b@c", "postgresql://u@/d?host=/x", "account:a@b"],
)
def test_what_has_none_stays_as_it_is(text: str) -> None:
    assert masked(text) == text
