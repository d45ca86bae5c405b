"""How to reach a Kafka: a URL, or the plain list of addresses that Kafka's own tools take."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

_TLS: Final = {"kafka": False, "kafka+ssl": True}
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Addresses of brokers, and how to speak to them."""

    servers: tuple[str, ...]
    is_encrypted: bool = False
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
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


def parse_kafka_url(text: str, *, client_id: str = "muniment") -> Connection:
    """Read `host:port[,host:port]` or `kafka[+ssl]://[user:password@]host:port[,…][?sasl=…]`.

    Raises `ValueError` with a sentence that says what is wrong.
    """
    url = urlsplit(text if "://" in text else f"kafka://{text}")
    if url.scheme not in _TLS:
        raise ValueError(f"{url.scheme}:// is no address of a Kafka: use kafka:// or kafka+ssl://")
    credentials, _, addresses = url.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    mechanism = dict(parse_qsl(url.query)).get("sasl", "PLAIN").upper()
    if mechanism not in _MECHANISMS:
        raise ValueError(f"sasl={mechanism} is not known: use one of {', '.join(_MECHANISMS)}")
    return Connection(
        servers=tuple(_server(address) for address in addresses.split(",")),
        is_encrypted=_TLS[url.scheme],
        mechanism=mechanism,
        username=unquote(username) or None,
        password=unquote(password) or None,
        client_id=client_id,
    )


def _server(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{address!r} is not host:port")
    return address
