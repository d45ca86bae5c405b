"""Addresses of a Kafka, as people write them."""

import pytest

from muniment.log.connection import Connection, parse_kafka_url


def test_plain_addresses_are_taken_as_kafkas_tools_take_them() -> None:
    """`bootstrap.servers`, as it stands in everybody's configuration."""
    assert parse_kafka_url("one:9092,two:9092") == Connection(servers=("one:9092", "two:9092"))


def test_a_url_may_ask_for_encryption_and_a_login() -> None:
    """What hosted Kafka needs."""
    connection = parse_kafka_url("kafka+ssl://nadia:p%40ss@one:9093,two:9093?sasl=scram-sha-512")

    options = connection.client_options()
    assert options["bootstrap_servers"] == ["one:9093", "two:9093"]
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("nadia", "p@ss")
    assert options["ssl_context"].check_hostname


def test_a_password_is_not_shown() -> None:
    """Connections appear in logs."""
    assert "secret" not in repr(parse_kafka_url("kafka://nadia:secret@one:9092"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://one:9092", "use kafka://"),
        ("one", "'one' is not host:port"),
        ("one:9092,", "'' is not host:port"),
        ("kafka://one:port", "'one:port' is not host:port"),
        ("kafka://one:9092?sasl=plane", "sasl=PLANE is not known"),
    ],
)
def test_what_is_wrong_is_said(url: str, message: str) -> None:
    """The sentence reaches the person at the keyboard."""
    with pytest.raises(ValueError, match=message.replace("'", ".")):
        parse_kafka_url(url)
