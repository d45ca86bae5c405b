"""Settings of the webhooks service."""

from typing import ClassVar

from pydantic import Field, SecretStr

from muniment.runtime.settings.fields import Networks, Seconds, Subject

_MINUTE = 60.0
_HOUR = 60 * _MINUTE


class WebhookSettings(Subject):
    title: ClassVar[str] = "Webhooks"

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
        description="Seconds before each attempt, the first included, since the one before.",
    )
    webhooks_retry_jitter: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share by which a wait before an attempt varies at random.",
    )
    webhooks_allowed_networks: Networks = Field(
        default=(),
        description="Networks (CIDR) that are no public ones and may be delivered to all the same.",
    )
    webhooks_secret: SecretStr | None = Field(
        default=None,
        description="Secret from which each endpoint's own (`whsec_…`) is derived; "
        "unset: the secret key.",
    )
