"""Settings of the process itself: where it listens, its name among others, limits, logging."""

import re
import socket
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, field_validator

from muniment.runtime.settings.fields import FreePort, Port, Subject

ALL_INTERFACES: Final = frozenset({"0.0.0.0", "::", "[::]", "*"})  # noqa: S104 - named to refuse it

_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


def _default_instance_id(earlier: dict[str, Any]) -> str:
    return f"{socket.gethostname()}-{earlier['http_port']}"


def _default_instance_url(earlier: dict[str, Any]) -> str:
    """The bind address as a URL; one that means all interfaces is no name to be reached by."""
    host = earlier["http_bind_host"]
    if host in ALL_INTERFACES:
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{earlier['http_port']}"


class ServiceSettings(Subject):
    title: ClassVar[str] = "Service"

    http_port: Port = Field(default=8888, description="Port to listen on for HTTP.")
    http_bind_host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; `0.0.0.0` or `::` for all interfaces.",
    )
    internal_port: FreePort = Field(
        default=0,
        description="Port at which `serve projector` and `serve webhooks` answer heartbeats and "
        "metrics; 0: none. `muniment up` leaves it out, as the two would clash.",
    )
    http_scheme: Literal["http", "https"] | None = Field(
        default=None, description="Scheme in the URLs that answers carry; else that of the request."
    )
    http_host: str | None = Field(
        default=None,
        description="Host (and port) in the URLs that answers carry; else the request's.",
    )
    instance_id: str = Field(
        default_factory=_default_instance_id,
        min_length=1,
        description="Name of this instance among the others; made of host name and port if unset.",
    )
    instance_url: str = Field(
        default_factory=_default_instance_url,
        pattern=r"^https?://[^/@]+$",
        description="URL at which the other instances reach this one, to forward requests to it.",
    )
    drain_s: float = Field(
        default=10,
        gt=0,
        description="Seconds that requests and tasks in hand get to finish at the end.",
    )
    request_body_bytes_max: int = Field(
        default=10 * 1024 * 1024,
        ge=1024,
        description="Largest request body in bytes; above it is a 413.",
    )
    answer_bytes_max: int = Field(
        default=128_000_000,
        ge=1_000_000,
        # Postgres, which makes these answers, makes no text of more than a gigabyte.
        le=900_000_000,
        description="Largest answer in bytes where there are no pages by size: past states of a "
        "collection, CocoBase's documents; above it is a 413.",
    )
    json_depth_max: int = Field(
        default=100, ge=4, le=500, description="Deepest nesting of a JSON body; above it is a 400."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of the lines that are logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto",
        description="Form of the log lines; `auto` is `console` on a terminal, else `json`.",
    )
    metrics_enabled: bool = Field(
        default=True, description="Serve Prometheus metrics at `/v1/__metrics__`."
    )

    @field_validator("http_host")
    @classmethod
    def _is_a_public_host(cls, host: str | None) -> str | None:
        if host in ALL_INTERFACES:
            raise ValueError(
                "it is the host in the URLs of answers; to listen there, set http_bind_host"
            )
        if host is not None and not _HOST.fullmatch(host):
            raise ValueError("it is not a host name with an optional port")
        return host


class StackSettings(Subject):
    title: ClassVar[str] = "Data folder and embedded servers"

    data_dir: Path = Field(
        default=Path(".muniment"),
        description="Folder of the embedded servers' data and of the secret key.",
    )
    cache_dir: Path | None = Field(
        default=None,
        description="Folder of what can be downloaded again; unset: the user's cache folder.",
    )
    embedded_kafka_port: FreePort = Field(
        default=0, description="Port of the embedded Kafka; 0 picks a free one."
    )
    embedded_postgres_port: FreePort = Field(
        default=0, description="Port of the embedded Postgres; 0 picks a free one."
    )
    embedded_kafka_heap_mb: int = Field(
        default=512, ge=128, description="Heap of the embedded Kafka in megabytes."
    )
