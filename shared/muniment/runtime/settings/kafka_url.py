"""Where a Kafka is: a URL, or the plain list of addresses that Kafka's own tools take."""

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

_TLS: Final = {"kafka": False, "kafka+ssl": True}
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaUrl:
    """Addresses of brokers, and how to speak to them."""

    servers: tuple[str, ...]
    is_encrypted: bool = False
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port[,host:port]` or `kafka[+ssl]://[user:password@]host:port[,…][?sasl=…]`.

        Raises `ValueError` with a sentence that says what is wrong.
        """
        url = urlsplit(text if "://" in text else f"kafka://{text}")
        if url.scheme not in _TLS:
            raise ValueError(
                f"{url.scheme}:// is no address of a Kafka: use kafka:// or kafka+ssl://"
            )
        if url.path.strip("/") or url.fragment:
            raise ValueError("an address of a Kafka ends with its port: write / as %2F, # as %23")
        credentials, _, addresses = url.netloc.rpartition("@")
        username, _, password = credentials.partition(":")
        return cls(
            servers=tuple(_server(address.strip()) for address in addresses.split(",")),
            is_encrypted=_TLS[url.scheme],
            mechanism=_mechanism(url.query),
            username=unquote(username) or None,
            password=unquote(password) or None,
        )


def _mechanism(query: str) -> str:
    options = dict(parse_qsl(query))
    mechanism = options.pop("sasl", "PLAIN").upper()
    if options:
        raise ValueError(f"{next(iter(options))} is not known: an address of a Kafka takes sasl")
    if mechanism not in _MECHANISMS:
        raise ValueError(f"sasl={mechanism} is not known: use one of {', '.join(_MECHANISMS)}")
    return mechanism


def _server(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal() and 0 < int(port) <= 65_535):
        raise ValueError(f"{address!r} is not host:port")
    return address
