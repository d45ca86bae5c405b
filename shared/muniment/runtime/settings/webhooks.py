"""Settings of the webhooks service."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from muniment.runtime.settings.fields import Hosts, Networks, Ports, Seconds, Secrets, Subject

_MINUTE = 60.0
_HOUR = 60 * _MINUTE

# Where a POST would be mail, a command or a log line to something that does not speak HTTP: remote
# shells, mail, name and file services, chat, databases and queues.
_PORTS_OF_OTHERS = (
    *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 79, 95, 101, 102, 103),
    *(104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 138, 139, 143, 161, 179, 389, 427),
    *(445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636),
    *(989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045, 4190, 5060),
    *(5061, 5432, 5672, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9092, 10080),
    *(11211, 27017),
)


class WebhookSettings(Subject):
    title: ClassVar[str] = "Webhooks"

    webhooks_enabled: bool = Field(
        default=True, description="Whether buckets have webhooks, at `/buckets/…/webhooks`."
    )
    webhooks_timeout_s: float = Field(
        default=15,
        gt=0,
        le=120,
        description="Seconds for one attempt, from connecting to the answer.",
    )
    webhooks_connect_timeout_s: float = Field(
        default=5, gt=0, le=60, description="Seconds for connecting to an endpoint."
    )
    webhooks_in_flight_per_endpoint_max: int = Field(
        default=16,
        ge=1,
        description="Deliveries to one endpoint that are under way at the same time.",
    )
    webhooks_held_events_max: int = Field(
        default=5_000,
        ge=1,
        description="Events for one endpoint in memory; beyond it they are read again later.",
    )
    webhooks_held_bytes_max: int = Field(
        default=4 * 1024 * 1024,
        ge=1024,
        description="Bytes of events for one endpoint in memory, in the same way.",
    )
    webhooks_parked_max: int = Field(
        default=2_500,
        ge=1,
        description="Failed deliveries of one endpoint that wait for their next attempt, and those "
        "behind them; at so many the endpoint gets nothing newer.",
    )
    webhooks_repeats_max: int = Field(
        default=500,
        ge=1,
        description="Deliveries to one endpoint that a crash may repeat.",
    )
    # The ten steps that the Standard Webhooks specification advises: 75.6 hours in all.
    webhooks_retry_schedule_s: Seconds = Field(
        default=(
            *(0, 5, 5 * _MINUTE, 30 * _MINUTE),
            *(2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
        ),
        min_length=1,
        description="Seconds since the attempt before; the first is made at once in any case.",
    )
    webhooks_retry_jitter: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share by which a wait before an attempt varies at random.",
    )
    webhooks_disable_after_s: float = Field(
        default=3 * 24 * _HOUR,
        gt=0,
        description="Seconds without a single success after which a failing endpoint is disabled; "
        "its place is kept.",
    )
    webhooks_probe_every_s: float = Field(
        default=_HOUR,
        gt=0,
        description="Seconds between pings to an endpoint that was disabled as it failed for too "
        "long; one that is taken has it switched on again.",
    )
    webhooks_breaker_share: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="Share of an endpoint's last 50 attempts that fail or are answered late, from "
        "which on it gets one delivery at a time, as a trial.",
    )
    webhooks_breaker_slow_s: float = Field(
        default=10,
        gt=0,
        description="Seconds after which an answer is late; never less than two thirds of the "
        "endpoint's own time-out.",
    )
    webhooks_attempts_kept_days: int = Field(
        default=30,
        ge=1,
        description="Days for which the log of attempts and replays that have ended are kept.",
    )
    webhooks_attempt_sums_kept_days: int = Field(
        default=1_095,
        ge=1,
        le=36_500,
        description="Days for which the sums of attempts by day are kept.",
    )
    webhooks_portal_enabled: bool = Field(
        default=True,
        description="Whether there is a page for those who operate webhooks, at `/v1/__portal__`.",
    )
    webhooks_streams_max: int = Field(
        default=200,
        ge=0,
        description="Streams of events (SSE) that an instance serves at the same time; whoever "
        "comes then is told 503.",
    )
    webhooks_streams_heartbeat_s: float = Field(
        default=15,
        gt=0,
        le=60,
        description="Seconds without an event after which a stream shows that it lives.",
    )
    webhooks_streams_look_again_s: float = Field(
        default=30,
        gt=0,
        description="Seconds after which a stream that is no longer allowed has ended.",
    )
    webhooks_allowed_networks: Networks = Field(
        default=(),
        description="Networks (CIDR) that are no public ones and may be delivered to all the same.",
    )
    webhooks_denied_networks: Networks = Field(
        default=(),
        description="Networks (CIDR) that are never delivered to, whatever else allows it.",
    )
    webhooks_allowed_hosts: Hosts = Field(
        default=(),
        description="Host names, or `*.name` for all below one, that may be delivered to although "
        "their address is no public one; a cloud's metadata address stays closed to them.",
    )
    webhooks_denied_hosts: Hosts = Field(
        default=(),
        description="Host names, or `*.name` for all below one, that are never delivered to.",
    )
    webhooks_denied_ports: Ports = Field(
        default=_PORTS_OF_OTHERS,
        description="Ports that are never delivered to: by default those of services that do not "
        "speak HTTP.",
    )
    webhooks_https_only: bool = Field(
        default=False, description="Take and deliver to `https` URLs only."
    )
    webhooks_ca_file: Path | None = Field(
        default=None,
        description="File of certificates (PEM) of authorities to trust beside the system's.",
    )
    webhooks_connections_max: int = Field(
        default=2_000,
        ge=1,
        description="Connections to receivers that are open at the same time, idle ones included; "
        "fewer where the system lets the process open fewer files.",
    )
    webhooks_secret: SecretStr | None = Field(
        default=None,
        description="Secret from which each endpoint's own (`whsec_…`) is derived; "
        "unset: the secret key.",
    )
    sealing_keys: Secrets = Field(
        default=(),
        description="Secrets with which the secret texts of webhooks are sealed: the first seals, "
        "all of them and the secret key open.",
    )
