"""What goes over the wire, and what the model expects back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tests.support.model.world import Data, is_object

ABSENT: Final = "<no body>"

Where: TypeAlias = tuple[str, Any]
"""`location` and `name` of an entry in an error's details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request of one user, or of nobody."""

    user: str | None
    method: str
    path: str
    """Without `/v1` and without the query."""
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = ABSENT

    @property
    def media(self) -> str:
        return self.headers.get("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, alone or within a batch; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def etag(self) -> int | None:
        text = self.headers.get("etag", "")
        is_tag = len(text) > 2 and text[0] == text[-1] == '"' and text[1:-1].isdigit()
        return int(text[1:-1]) if is_tag else None


@dataclass(slots=True, kw_only=True)
class Expected:
    """What the answer must be; a part that is `None` may be anything."""

    status: int
    body: Any = None
    errno: int | None = None
    faults: list[Where] | None = None
    existing: Any = None
    """What `details.existing` shows; `ABSENT`: there must be none."""
    details: Any = None
    etag: Any = None
    headers: dict[str, str | None] = field(default_factory=dict[str, str | None])
    """Exact values; `None`: the header must be absent."""
    next_page_after: Any = None
    """The last object of the page, if there must be a next one."""
    is_unordered: bool = False
    """The objects of the body are in any order (DELL-1)."""
    items: list[tuple[Request, "Expected"]] | None = None
    """The requests and answers in a batch."""


class Refused(Exception):
    """The rest of a request is not looked at: this is its answer."""

    def __init__(self, status: int, errno: int | None = None, **parts: Any) -> None:
        super().__init__(status)
        self.expected = Expected(status=status, errno=errno, **parts)


class Told:
    """What only the server can know, timestamps and ids, taken from its answer and checked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.problems: list[str] = []

    def stamp(self, after: Any) -> int:
        """The moment of the change that the answer tells of: later than all before it (TS-2)."""
        etag = self._answer.etag
        if etag is None:  # The comparison of the answers finds out what is wrong.
            return int(after or 0) + 1
        self._check(etag, after)
        return etag

    def list_stamp(self) -> int | None:
        """The timestamp of a list that was never looked at before (TS-4)."""
        return self._answer.etag

    def made_id(self) -> str:
        """The id that the server made."""
        body: Any = self._answer.body
        data: Any = body.get("data") if is_object(body) else None
        return str(data["id"]) if is_object(data) else "none"

    def tombstones(self, ids: Sequence[str], after: Any) -> dict[str, int]:
        """The timestamps of what a bulk delete has deleted: distinct, and after all before."""
        body: Any = self._answer.body
        shown: list[Data] = body.get("data", []) if is_object(body) else []
        found: dict[str, int] = {one["id"]: one["last_modified"] for one in shown}
        stamps = {id_: found.get(id_, 0) for id_ in ids}
        for stamp in stamps.values():
            self._check(stamp, after)
        if len(set(stamps.values())) != len(stamps):
            self.problems.append(f"timestamps are not distinct: {stamps}")
        return stamps

    def _check(self, stamp: int, after: Any) -> None:
        if isinstance(after, int | float) and stamp <= after:
            self.problems.append(f"timestamp {stamp} is not after {after}")


def item_answer(item: Any) -> Answer:
    """An answer in a batch (BAT-13)."""
    headers: dict[str, str] = item["headers"]
    lowered = {name.lower(): value for name, value in headers.items()}
    return Answer(item["status"], lowered, item["body"])
