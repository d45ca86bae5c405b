"""From a webhook's `data` to its `WebhookSpec`, or to all that is wrong with it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeAlias, TypeVar, cast

from muniment.domain.refusals import Fault
from muniment.domain.timelines import LAST_DATE
from muniment.domain.values import JsonObject, JsonValue, Timestamp
from muniment.domain.webhooks.fields import parse_fields
from muniment.domain.webhooks.filters import StateFilter, parse_filter
from muniment.domain.webhooks.headers import headers
from muniment.domain.webhooks.keys import parse_secret
from muniment.domain.webhooks.selection import Selection, is_type_pattern, types_matching
from muniment.domain.webhooks.spec import (
    DEFAULT_EVENTS,
    Algorithm,
    Batch,
    BatchFormat,
    Form,
    Format,
    Order,
    Shape,
    Start,
    StartKind,
    State,
    Status,
    WebhookSpec,
)
from muniment.domain.webhooks.stored import SECRETS, status
from muniment.domain.webhooks.tls import tls
from muniment.domain.webhooks.urls import URL_CHARS_MAX, parse_url, to_call
from muniment.domain.webhooks.values import (
    Read,
    Wrong,
    boolean,
    choice,
    number,
    several,
    shown,
    text,
    unknown_part,
    whole_number,
)

T = TypeVar("T")

Faults: TypeAlias = tuple[Fault, ...]

PATTERNS_MAX: Final = 100
FILTER_CHARS_MAX: Final = 4_096
DESCRIPTION_CHARS_MAX: Final = 4_096
WINDOW_MAX: Final = 256
BATCH_EVENTS_MAX: Final = 1_000
BATCH_WAIT_MS: Final = 1_000
BATCH_WAIT_MS_MAX: Final = 60_000
TIMEOUT_S_MAX: Final = 30
RETRIES_MAX: Final = 20
RETRIES_S_MAX: Final = 30 * 24 * 60 * 60
RATE_LIMIT_MIN: Final = 0.001
RATE_LIMIT_MAX: Final = 100_000

_GLOB: Final = re.compile(r"[a-zA-Z0-9_*?-]{1,512}")


def parse_webhook(
    data: JsonObject, *, prefix: str = "", https_only: bool = False
) -> WebhookSpec | Faults:
    """What the data says; `prefix` stands before the names of fields in faults.

    Secret texts may be plain, as a client sends them, or sealed, as they are stored. Fields that
    mean nothing here are the users' own. `null` is as if the field were not there.
    """
    fields = _Fields(data, prefix)
    url = fields.read("url", _callable(https_only=https_only), None)
    if data.get("url") is None:
        fields.fault("url", "Required")
    fields.read("description", text(DESCRIPTION_CHARS_MAX), "")
    fields.read("secret", _secret, "")
    spec = WebhookSpec(
        url=url or "",
        is_enabled=fields.read("enabled", boolean, default=True),
        drains=fields.read("drain", boolean, default=False),
        selection=Selection(
            types=types_matching(fields.read("events", _EVENTS, DEFAULT_EVENTS)),
            collections=fields.read("collections", _GLOBS, None),
            records=fields.read("records", _GLOBS, None),
            filter=fields.read("filter", _filter, None),
        ),
        form=_form(fields),
        headers=fields.read("headers", headers, {}),
        signatures=fields.read("signatures", _signatures, (Algorithm.HMAC,)),
        secrets=fields.read("secrets", SECRETS, ()),
        order=fields.read("order", choice(Order), Order.RECORD),
        rate_limit=fields.read("rate_limit", number(RATE_LIMIT_MIN, RATE_LIMIT_MAX), None),
        window=fields.read("window", whole_number(1, WINDOW_MAX), None),
        batch=fields.read("batch", _batch, None),
        timeout_s=fields.read("timeout_s", number(1, TIMEOUT_S_MAX), None),
        retry_schedule_s=fields.read("retry_schedule_s", _retries, None),
        retries_forever=fields.read("retry_forever", boolean, default=False),
        disable_after_s=fields.read("disable_after_s", number(1, RETRIES_S_MAX), None),
        start=fields.read("start", _start, Start()),
        tls=fields.read("tls", tls, None),
        status=fields.read("status", status, Status(state=State.ACTIVE, since=Timestamp(0))),
    )
    return tuple(fields.faults) or spec


class _Fields:
    """Reads one webhook's data, gathering faults as it goes."""

    def __init__(self, data: JsonObject, prefix: str) -> None:
        self._data = data
        self._prefix = prefix
        self.faults: list[Fault] = []

    def read(self, name: str, read: Read[T], default: T) -> T:
        """The field as `read` understands it; the default also where something is wrong."""
        value = self._data.get(name)
        if value is None:
            return default
        found = read(value)
        if not isinstance(found, Wrong):
            return found
        self.fault(f"{name}{found.name}", found.description)
        return default

    def fault(self, name: str, description: str) -> None:
        name = f"{self._prefix}{name}"
        self.faults.append(Fault(location="body", name=name, description=description))


def _form(fields: _Fields) -> Form:
    form = Form(
        shape=fields.read("shape", choice(Shape), Shape.FULL),
        format=fields.read("format", choice(Format), Format.STANDARD),
        fields=fields.read("fields", parse_fields, None),
    )
    if form.fields is not None and form.shape is Shape.THIN:
        fields.fault("fields", "the shape thin carries no state to choose from")
    if form.fields is not None and form.format is Format.COCOBASE:
        fields.fault("fields", "the format cocobase carries documents whole")
    return form


def _callable(*, https_only: bool) -> Read[str | None]:
    def read(value: JsonValue) -> str | Wrong:
        url = parse_url(value)
        if url is None:
            what = f"an absolute URL of http or https, up to {URL_CHARS_MAX} characters"
            return Wrong(f"{shown(value)} is not {what}")
        called = to_call(url)
        if called.user is not None or called.password is not None:
            return Wrong("a URL with credentials: put them into `headers`, where they are sealed")
        if https_only and called.scheme != "https":
            return Wrong("only https is allowed here")
        return url

    return read


def _filter(value: JsonValue) -> StateFilter | Wrong | None:
    given = text(FILTER_CHARS_MAX)(value)
    if isinstance(given, Wrong):
        return given
    return parse_filter(given) if given else None


def _pattern(value: JsonValue) -> str | Wrong:
    if isinstance(value, str) and is_type_pattern(value):
        return value
    what = "type of events, such as record.created or record.*: see /v1/__events__"
    return Wrong(f"{shown(value)} is no {what}")


def _glob(value: JsonValue) -> str | Wrong:
    if isinstance(value, str) and _GLOB.fullmatch(value):
        return value
    return Wrong(f"{shown(value)} is no id or pattern of ids")


_EVENTS: Final = several(_pattern, least=1, most=PATTERNS_MAX)
_GLOBS: Final = cast("Read[tuple[str, ...] | None]", several(_glob, least=1, most=PATTERNS_MAX))


def _signatures(value: JsonValue) -> tuple[Algorithm, ...] | Wrong:
    found = several(choice(Algorithm), least=1, most=len(Algorithm))(value)
    if not isinstance(found, Wrong) and len(set(found)) < len(found):
        return Wrong("each kind of signature can be asked for once")
    return found


def _secret(value: JsonValue) -> str | Wrong:
    if isinstance(value, str) and parse_secret(value) is not None:
        return value
    return Wrong("not whsec_ and the base64 of 24 to 64 bytes")


def _batch(value: JsonValue) -> Batch | Wrong:
    if not isinstance(value, Mapping):
        return Wrong(f"{shown(value)} is not an object")
    if wrong := unknown_part(value, ("max_events", "max_wait_ms", "format")):
        return wrong
    events = whole_number(1, BATCH_EVENTS_MAX)(value.get("max_events"))
    wait_ms = whole_number(0, BATCH_WAIT_MS_MAX)(value.get("max_wait_ms", BATCH_WAIT_MS))
    if isinstance(events, Wrong):
        return Wrong(events.description, ".max_events")
    if isinstance(wait_ms, Wrong):
        return Wrong(wait_ms.description, ".max_wait_ms")
    format_ = choice(BatchFormat)(value.get("format", BatchFormat.ARRAY))
    if isinstance(format_, Wrong):
        return Wrong(format_.description, ".format")
    return Batch(max_events=events, max_wait_ms=wait_ms, format=format_)


def _retries(value: JsonValue) -> tuple[float, ...] | Wrong:
    found = several(number(0, RETRIES_S_MAX), least=1, most=RETRIES_MAX)(value)
    if not isinstance(found, Wrong) and sum(found) > RETRIES_S_MAX:
        return Wrong(f"{sum(found):g} s in all: more than 30 days")
    return found


def _start(value: JsonValue) -> Start | Wrong:
    if isinstance(value, str) and value in _PLAIN_STARTS:
        return Start(kind=StartKind(value))
    if not isinstance(value, Mapping) or len(value) != 1:
        return Wrong(
            f"{shown(value)} is not one of {', '.join(_PLAIN_STARTS)}, "
            '{"sequence": n}, {"time": "…"}, {"offset": n}'
        )
    name, wanted = next(iter(value.items()))
    if wrong := unknown_part(value, ("sequence", "time", "offset")):
        return wrong
    number_of = _time(wanted) if name == "time" else whole_number(0, 2**63 - 1)(wanted)
    if isinstance(number_of, Wrong):
        return Wrong(number_of.description, f".{name}")
    return Start(kind=StartKind(name), value=number_of)


_PLAIN_STARTS: Final = (StartKind.NOW, StartKind.BEGINNING, StartKind.SNAPSHOT)


def _time(value: JsonValue) -> int | Wrong:
    """ISO 8601 with a time zone, as milliseconds since the epoch."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None or moment.tzinfo is None:
            return Wrong(f"{shown(value)} is no ISO 8601 time with a time zone")
        at = int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return Wrong(f"{shown(value)} is no ISO 8601 time with a time zone")
    return at if 0 <= at <= LAST_DATE else Wrong(f"{shown(value)} is out of range")
