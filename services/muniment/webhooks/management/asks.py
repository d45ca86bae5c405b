"""What people ask for, from their JSON and query strings."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final, TypeAlias

from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue
from muniment.domain.webhooks.parsing import parse_webhook
from muniment.domain.webhooks.selection import EVENT_TYPES, Selection
from muniment.domain.webhooks.spec import Start, StartKind, WebhookSpec
from muniment.web.http import Headers, Query
from muniment.web.json_text import body_fault, parse_json
from muniment.webhooks.http.answer import DELIVERED, Failure
from muniment.webhooks.jobs import Ask
from muniment.webhooks.management.store import EPOCH, LAST, AttemptFilter
from muniment.webhooks.samples import PING

PAGE: Final = 100
PAGE_MAX: Final = 1_000
EVENTS_PAGE_MAX: Final = 1_000
MESSAGES_MAX: Final = 1_000

LAST_EVENT_ID: Final = "Last-Event-ID"
BEYOND: Final = "beyond the end of the log"

_CHOICE: Final = ("events", "collections", "records", "filter")
_NOT_OF_SNAPSHOTS: Final = ("until", "messages")
_OF_REPLAYS: Final = frozenset({"from", "until", *_CHOICE, "messages", "rate", "dry_run"})
_OF_MESSAGES: Final = frozenset({"type", "message_id", "offset"})
_SAMPLES: Final = frozenset({PING, *EVENT_TYPES})
_OF_STREAMS: Final = frozenset({"_after"})
_OF_EVENTS: Final = frozenset({"_after", "_limit"})
_OUTCOMES: Final = frozenset({DELIVERED, *Failure})
_STATUS: Final = re.compile(r"([1-5])xx|[1-5][0-9]{2}")
_CURSOR: Final = re.compile(r"(?P<micros>[0-9]{1,17})-(?P<id>[0-9]{1,18})")

Faults: TypeAlias = tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayAsk:
    """Which part of the log is wanted again, with bounds as people give them."""

    start: Start
    until: Start | None
    """The first that is not wanted; `None`: up to now."""
    selection: Selection | None
    messages: frozenset[str] | None
    rate: float | None
    is_dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAsk:
    """One message that is wanted at once: a made-up one, or that of an event."""

    type: str = PING
    message_id: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptsAsk:
    """Which attempts are wanted, and how many of them."""

    wanted: AttemptFilter
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysAsk:
    """Of which days sums are wanted, and of how many at most."""

    since: date
    before: date
    """The first that is not wanted."""
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAsk:
    """Where the wanted events begin, and how many are wanted."""

    after: int
    """The offset before the first; -1 for the beginning."""
    limit: int
    beyond: Fault
    """What is wrong if the log ends there, or before."""


def read_replay(body: bytes, *, depth_max: int) -> ReplayAsk | Faults:
    """`{"from": …, "until": …, "events": […], …, "rate": n, "dry_run": true}`."""
    asked = _object(body, depth_max)
    if isinstance(asked, tuple):
        return asked
    faults = _unknown(asked, _OF_REPLAYS)
    start = _bound(asked, "from", faults)
    until = None if asked.get("until") is None else _bound(asked, "until", faults)
    if until is not None and until.kind in _NOT_AN_END:
        faults.append(body_fault("until", "not an offset, a sequence or a time"))
    if start is not None and start.kind is StartKind.NOW:
        faults.append(body_fault("from", "nothing of the past lies after now"))
    if start is not None and start.kind is StartKind.SNAPSHOT:
        faults += [
            body_fault(
                name, "a snapshot is all of one moment: only the webhook's choice narrows it"
            )
            for name in _NOT_OF_SNAPSHOTS
            if asked.get(name) is not None
        ]
    choice = _spec({name: asked[name] for name in _CHOICE if name in asked}, {}, faults)
    rate = _spec({"rate_limit": asked.get("rate")}, {"rate_limit": "rate"}, faults)
    messages = _messages(asked.get("messages"), faults)
    is_dry_run = asked.get("dry_run") or False
    if not isinstance(is_dry_run, bool):
        faults.append(body_fault("dry_run", "not a boolean"))
    if faults or start is None or choice is None or rate is None:
        return tuple(faults)
    is_narrowed = any(asked.get(name) is not None for name in _CHOICE)
    return ReplayAsk(
        start=start,
        until=until,
        selection=choice.selection if is_narrowed else None,
        messages=messages,
        rate=rate.rate_limit,
        is_dry_run=bool(is_dry_run),
    )


def read_message(body: bytes, *, depth_max: int) -> MessageAsk | Faults:
    """`{"type": "record.created"}`, `{"message_id": "evt_…"}` or `{"offset": n}`; none: a ping."""
    asked = _object(body, depth_max)
    if isinstance(asked, tuple):
        return asked
    faults = _unknown(asked, _OF_MESSAGES)
    given = [name for name in _OF_MESSAGES if asked.get(name) is not None]
    if len(given) > 1:
        faults.append(body_fault("", f"only one of {', '.join(sorted(given))}"))
    type_, message_id, offset = asked.get("type"), asked.get("message_id"), asked.get("offset")
    if type_ is not None and (not isinstance(type_, str) or type_ not in _SAMPLES):
        faults.append(body_fault("type", f"not one of {', '.join(sorted(_SAMPLES))}"))
    if message_id is not None and not isinstance(message_id, str):
        faults.append(body_fault("message_id", "not a string"))
    if offset is not None and not _is_offset(offset):
        faults.append(body_fault("offset", "not an offset"))
    if faults:
        return tuple(faults)
    return MessageAsk(
        type=type_ if isinstance(type_, str) else PING,
        message_id=message_id if isinstance(message_id, str) else None,
        offset=offset if isinstance(offset, int) else None,
    )


def read_wish(body: bytes, *, depth_max: int) -> Ask | Faults:
    """`{"state": "paused"}`: what is to become of a replay."""
    asked = _object(body, depth_max)
    if isinstance(asked, tuple):
        return asked
    faults = _unknown(asked, frozenset({"state"}))
    state = asked.get("state")
    if not isinstance(state, str) or state not in _WISHES:
        faults.append(body_fault("state", f"not one of {', '.join(_WISHES)}"))
        return tuple(faults)
    return tuple(faults) or _WISHES[state]


def read_attempts_query(query: Query) -> AttemptsAsk | Faults:
    """The filters and the limit of a list of attempts."""
    faults: list[Fault] = []
    given = _single(query, _OF_ATTEMPTS, faults)
    before, since, limit = LAST, EPOCH, PAGE
    if (token := given.get("_before")) is not None:
        found = _CURSOR.fullmatch(token)
        if found is None:
            faults.append(_wrong("_before", "not as `next` has it"))
        else:
            before = cursor_moment(int(found["micros"])), int(found["id"])
    if (text := given.get("_since")) is not None:
        since = _time(text, faults)
    if (text := given.get("_limit")) is not None:
        limit = _limit(text, PAGE_MAX, faults)
    outcomes = None if "outcome" not in given else given["outcome"].split(",")
    if outcomes is not None and not _OUTCOMES.issuperset(outcomes):
        faults.append(_wrong("outcome", f"not of {', '.join(sorted(_OUTCOMES))}"))
    status_min, status_end = _statuses(given.get("status"), faults)
    wanted = AttemptFilter(
        before=before,
        since=since,
        outcomes=outcomes,
        uri=given.get("uri"),
        message_id=given.get("message_id"),
        type=given.get("type"),
        status_min=status_min,
        status_end=status_end,
    )
    return tuple(faults) or AttemptsAsk(wanted=wanted, limit=limit)


def read_days_query(query: Query) -> DaysAsk | Faults:
    """Which days are wanted, in dates, and how many."""
    faults: list[Fault] = []
    given = _single(query, frozenset({"_since", "_before", "_limit"}), faults)
    days = {"_since": date.min, "_before": date.max}
    for name in days.keys() & given.keys():
        try:
            days[name] = date.fromisoformat(given[name])
        except ValueError:
            faults.append(_wrong(name, "no date such as 2026-11-21"))
    limit = PAGE if "_limit" not in given else _limit(given["_limit"], PAGE_MAX, faults)
    return tuple(faults) or DaysAsk(since=days["_since"], before=days["_before"], limit=limit)


def read_events_query(
    query: Query, headers: Headers, *, is_stream: bool = False
) -> EventsAsk | Faults:
    """Where the wanted events begin, and how many are wanted; a stream of them has no limit.

    `Last-Event-ID` is stronger than `_after`: who comes back asks for the same URL.
    """
    faults: list[Fault] = []
    given = _single(query, _OF_STREAMS if is_stream else _OF_EVENTS, faults)
    after, limit, beyond = -1, PAGE, _wrong("_after", BEYOND)
    if (text := given.get("_after")) is not None:
        after = _offset(text, faults, _wrong("_after", "not as `next` has it"))
    if text := headers.get(LAST_EVENT_ID):
        beyond = Fault(location="header", name=LAST_EVENT_ID, description=BEYOND)
        after = _offset(text, faults, replace(beyond, description="not the `id` of an event"))
    if (text := given.get("_limit")) is not None:
        limit = _limit(text, EVENTS_PAGE_MAX, faults)
    return tuple(faults) or EventsAsk(after=after, limit=limit, beyond=beyond)


def cursor(at: datetime, id_: int) -> str:
    """What `_before` takes to go on after this attempt."""
    return f"{(at - EPOCH) // _MICROSECOND}-{id_}"


def cursor_moment(micros: int) -> datetime:
    """The moment of a cursor; beyond the last date there is, that date."""
    try:
        return EPOCH + micros * _MICROSECOND
    except OverflowError:
        return LAST[0]


def _time(text: str, faults: list[Fault]) -> datetime:
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            # In UTC some times of the first and the last day are none.
            return at.astimezone(UTC)
    faults.append(_wrong("_since", "no ISO 8601 time with a time zone"))
    return EPOCH


def _offset(text: str, faults: list[Fault], wrong: Fault) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    faults.append(wrong)
    return -1


_MICROSECOND: Final = datetime.resolution
_NOT_AN_END: Final = frozenset({StartKind.BEGINNING, StartKind.SNAPSHOT})
_WISHES: Final[Mapping[str, Ask]] = {
    "paused": Ask.PAUSE,
    "running": Ask.RESUME,
    "cancelled": Ask.CANCEL,
}
_OF_ATTEMPTS: Final = frozenset(
    {"_before", "_since", "_limit", "outcome", "uri", "message_id", "type", "status"}
)


def _object(body: bytes, depth_max: int) -> JsonObject | Faults:
    asked = parse_json(body or b"{}", depth_max=depth_max)
    if isinstance(asked, Fault):
        return (asked,)
    if isinstance(asked, Mapping) and isinstance(inner := asked.get("data"), Mapping):
        asked = inner
    return asked if isinstance(asked, Mapping) else (body_fault("", "not an object"),)


def _unknown(asked: JsonObject, known: frozenset[str]) -> list[Fault]:
    return [body_fault(name, "Unknown field") for name in asked if name not in known]


def _spec(fields: JsonObject, names: Mapping[str, str], faults: list[Fault]) -> WebhookSpec | None:
    """The fields as a webhook has them, under the names that they have here."""
    found = parse_webhook({"url": "http://localhost/", **fields})
    if isinstance(found, WebhookSpec):
        return found
    for fault in found:
        name, dot, rest = str(fault.name).partition(".")
        faults.append(body_fault(f"{names.get(name, name)}{dot}{rest}", fault.description))
    return None


def _bound(asked: JsonObject, name: str, faults: list[Fault]) -> Start | None:
    value = asked.get(name)
    if value is None:
        faults.append(body_fault(name, "Required"))
        return None
    spec = _spec({"start": value}, {"start": name}, faults)
    return None if spec is None else spec.start


def _messages(value: JsonValue, faults: list[Fault]) -> frozenset[str] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        faults.append(body_fault("messages", "not a list of message ids"))
        return None
    ids = [each for each in value if isinstance(each, str)]
    if len(ids) < len(value) or len(ids) > MESSAGES_MAX:
        faults.append(body_fault("messages", f"not a list of up to {MESSAGES_MAX} message ids"))
    return frozenset(ids)


def _is_offset(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _single(query: Query, known: frozenset[str], faults: list[Fault]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name not in known:
            faults.append(_wrong(name, "Unknown parameter"))
        elif name in given:
            faults.append(_wrong(name, "given more than once"))
        elif "\x00" in value:
            faults.append(_wrong(name, "Invalid character 0x00"))
        given[name] = value
    return given


def _limit(text: str, most: int, faults: list[Fault]) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most:
        return int(text)
    faults.append(_wrong("_limit", f"not a number from 1 to {most}"))
    return PAGE


def _statuses(text: str | None, faults: list[Fault]) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    found = _STATUS.fullmatch(text)
    if found is None:
        faults.append(_wrong("status", "neither a status nor one like `5xx`"))
        return None, None
    if found[1] is not None:
        return int(found[1]) * 100, int(found[1]) * 100 + 100
    return int(text), int(text) + 1


def _wrong(name: str, description: str) -> Fault:
    return Fault(location="querystring", name=name, description=description)
