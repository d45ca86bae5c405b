"""ETags, HTTP dates, and the preconditions of reads (contract sections 9.3 and 9.4)."""

import re
import time
from collections.abc import Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from muniment.domain.commands import ANY, NO_PRECONDITIONS, Preconditions
from muniment.domain.refusals import Fault
from muniment.domain.timelines import LAST_DATE
from muniment.domain.values import Timestamp
from muniment.web.http import Response

EntityTag: TypeAlias = Timestamp | Literal["*"]

_QUOTED: Final = re.compile(r'"([0-9]{1,18})"')

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


class Verdict(Enum):
    """What the preconditions of a GET or HEAD come to."""

    GO_ON = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


def etag(at: Timestamp) -> str:
    """The strong tag of a revision."""
    return f'"{at}"'


def revision_headers(at: Timestamp) -> dict[str, str]:
    """`ETag` and `Last-Modified` of an object or a list."""
    return {"ETag": f'"{at}"', "Last-Modified": http_date(at // 1000)}


@lru_cache(maxsize=1024)
def http_date(at_s: int) -> str:
    """Seconds since the epoch as an HTTP date; what lies beyond the year 9999 is its end."""
    moment = time.gmtime(min(max(at_s, 0), LAST_DATE // 1000))
    day, month = _DAYS[moment.tm_wday], _MONTHS[moment.tm_mon - 1]
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return f"{day}, {moment.tm_mday:02} {month} {moment.tm_year:04} {clock} GMT"


def read_preconditions(headers: Mapping[str, str]) -> tuple[Preconditions, tuple[Fault, ...]]:
    """`If-Match` and `If-None-Match`, and what is wrong with them (ERR-22)."""
    if_match, if_none_match = headers.get("If-Match"), headers.get("If-None-Match")
    if if_match is None and if_none_match is None:
        return NO_PRECONDITIONS, ()
    faults: list[Fault] = []
    preconditions = Preconditions(
        if_match=_read_tag("If-Match", if_match, faults),
        if_none_match=_read_tag("If-None-Match", if_none_match, faults),
    )
    return preconditions, tuple(faults)


def judge_read(preconditions: Preconditions, current: Timestamp) -> Verdict:
    """Rows G and L of the truth table, for something that exists."""
    if preconditions.if_none_match == current:
        return Verdict.NOT_MODIFIED
    if preconditions.if_none_match == ANY:
        return Verdict.FAILED
    if preconditions.if_match in (None, ANY, current):
        return Verdict.GO_ON
    return Verdict.FAILED


def not_modified(current: Timestamp) -> Response:
    """304 (PRE-3)."""
    return Response(status=304, headers=revision_headers(current))


def _read_tag(name: str, text: str | None, faults: list[Fault]) -> EntityTag | None:
    if text is None:
        return None
    if text == ANY:
        return ANY
    if found := _QUOTED.fullmatch(text):
        return Timestamp(int(found[1]))
    description = "The value should be integer between double quotes."
    faults.append(Fault(location="header", name=name, description=description))
    return None
