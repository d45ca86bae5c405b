"""How to reach a Kafka, for the clients that do."""

import ssl
from dataclasses import dataclass, replace
from typing import Any

from muniment.runtime.errors import DependencyUnreachable
from muniment.runtime.settings import Settings
from muniment.runtime.settings.kafka_url import KafkaUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(KafkaUrl):
    """Addresses of brokers, and how and under what name to speak to them."""

    client_id: str = "muniment"

    def client_options(self) -> dict[str, Any]:
        """The arguments that all clients of aiokafka share."""
        protocol = "SSL" if self.is_encrypted else "PLAINTEXT"
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "client_id": self.client_id,
            "security_protocol": protocol,
        }
        if self.is_encrypted:
            options["ssl_context"] = ssl.create_default_context()
        if self.username is not None:
            options["security_protocol"] = f"SASL_{protocol}"
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password or ""
        return options


def kafka_of(settings: Settings) -> Connection:
    """The Kafka that the settings name. Raises `DependencyUnreachable` when they name none."""
    if settings.kafka_url is None:
        raise DependencyUnreachable("MUNIMENT_KAFKA_URL is not set: it says where Kafka is.")
    return parse_kafka_url(settings.kafka_url)


def parse_kafka_url(text: str, *, client_id: str = "muniment") -> Connection:
    """Read what `KafkaUrl.parse` takes. Raises `ValueError` with a sentence."""
    return replace(Connection.parse(text), client_id=client_id)
