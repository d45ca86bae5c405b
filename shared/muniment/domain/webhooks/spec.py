"""What a webhook's `data` says, in types; `None` where the operator's settings have the say.

Secret texts are as they lie on the log, sealed: who calls an endpoint opens them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from muniment.domain.values import Timestamp
from muniment.domain.webhooks.fields import Fields
from muniment.domain.webhooks.selection import Selection

BODY_BYTES_MAX: Final = 256 * 1024
DEFAULT_EVENTS: Final = ("record.*", "collection.*")


class Shape(StrEnum):
    """What of a change is sent."""

    FULL = "full"
    """The object as it became."""
    THIN = "thin"
    """Which object, no more."""
    PATCH = "patch"
    """What changed in it."""
    FULL_AND_PREVIOUS = "full+previous"
    """The object as it became, and as it was."""


class Format(StrEnum):
    """How what is sent is written down."""

    STANDARD = "standard"
    CLOUDEVENTS = "cloudevents"
    COCOBASE = "cocobase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What of an event a message carries, and how it is written down."""

    shape: Shape = Shape.FULL
    format: Format = Format.STANDARD
    fields: Fields | None = None
    """Of a record's states; `None` for all of them."""
    bytes_max: int = BODY_BYTES_MAX
    """What is longer is sent thin."""


class Algorithm(StrEnum):
    """How a delivery is signed: the identifiers of Standard Webhooks."""

    HMAC = "v1"
    ED25519 = "v1a"


class Order(StrEnum):
    """What waits for what."""

    RECORD = "record"
    """A delivery for the earlier ones of its own record."""
    STRICT = "strict"
    """A delivery for all earlier ones."""
    NONE = "none"
    """Nothing for anything."""


class StartKind(StrEnum):
    """From where on events are told."""

    NOW = "now"
    BEGINNING = "beginning"
    SNAPSHOT = "snapshot"
    """Each object as it is now, then what changes."""
    SEQUENCE = "sequence"
    """From the event in the bucket with this `sequence` on; the value is that number."""
    TIME = "time"
    """The value is in milliseconds since the epoch, UTC."""
    OFFSET = "offset"
    """The value is an offset in the bucket's partition of the topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where the telling of events begins; it counts at the webhook's creation only."""

    kind: StartKind = StartKind.NOW
    value: int = 0


class BatchFormat(StrEnum):
    """How several messages are one body."""

    ARRAY = "array"
    """A JSON array."""
    NDJSON = "ndjson"
    """A line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How many events go into one request, and how long the first of them waits for others."""

    max_events: int
    max_wait_ms: int
    format: BatchFormat = BatchFormat.ARRAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the endpoint's and our own certificates are told, all as PEM."""

    client_certificate: str | None = None
    client_key: str | None = None
    """Sealed."""
    ca: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """One signing key."""

    id: str
    algorithm: Algorithm
    sealed: str
    """The text `whsec_…` of `v1`, `whsk_…` of `v1a`."""
    public_key: str | None = None
    """The text `whpk_…` of `v1a`."""
    created: Timestamp
    expires: Timestamp | None = None
    """From this moment on nothing is signed with it."""

    def is_live(self, now: Timestamp) -> bool:
        """Whether deliveries are signed with it."""
        return self.expires is None or now < self.expires


class State(StrEnum):
    """How deliveries to an endpoint go."""

    ACTIVE = "active"
    FAILING = "failing"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How deliveries go, since when, and why."""

    state: State
    since: Timestamp
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSpec:
    """All that a webhook says of where, what and how to deliver."""

    url: str
    selection: Selection
    status: Status
    is_enabled: bool = True
    drains: bool = False
    """Whether nothing newer than the change that says so is delivered, and it ends disabled."""
    form: Form = field(default_factory=Form)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names to sealed values."""
    signatures: tuple[Algorithm, ...] = (Algorithm.HMAC,)
    secrets: tuple[Secret, ...] = ()
    """Newest first."""
    order: Order = Order.RECORD
    rate_limit: float | None = None
    """Events a second; `None` for no limit."""
    window: int | None = None
    """Deliveries under way at the same time."""
    batch: Batch | None = None
    """`None` for one event a request."""
    timeout_s: float | None = None
    retry_schedule_s: tuple[float, ...] | None = None
    """Seconds to wait before each attempt, the first included."""
    retries_forever: bool = False
    """Whether the last wait of the schedule comes again and again, as long as the log has it."""
    disable_after_s: float | None = None
    """Seconds of failing after which the webhook is disabled."""
    drops_refused: bool = False
    """Whether an answer 3xx or 4xx, but 408 and 429, ends its message and tells nothing more."""
    start: Start = field(default_factory=Start)
    tls: Tls | None = None

    def live_secrets(self, now: Timestamp) -> tuple[Secret, ...]:
        """The keys to sign with at the moment, newest first, of the algorithms asked for."""
        return tuple(
            secret
            for secret in self.secrets
            if secret.algorithm in self.signatures and secret.is_live(now)
        )
