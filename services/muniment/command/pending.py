"""The requests of a batch that were not answered yet, and which bucket's must be first.

Those of one bucket are answered together, and the buckets one after another or side by side. As
each request sees what those before it did and nothing of those after it (BAT-12), it matters what
of a bucket can be seen from outside of it.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Final, assert_never

from muniment.command.waiting import Read, Step
from muniment.domain.addresses import Kind
from muniment.domain.commands import (
    Command,
    Create,
    Delete,
    DeleteHistory,
    DeleteMany,
    Patch,
    Put,
    ReadSecrets,
    RotateSecret,
)
from muniment.web.endpoints import Endpoint
from muniment.web.http import Request, Response


class Facet(Flag):
    """What of a bucket can be seen from outside of it."""

    MEMBERS = auto()
    """Who is in its groups: ACEs anywhere may name them (GRP-4)."""
    BUCKET = auto()
    """The bucket itself: all are in one list with one timestamp (E-4)."""
    CONTENT = auto()
    """All else: it is counted, and its ACEs are told."""


NOTHING: Final = Facet(0)
EVERYTHING: Final = Facet.MEMBERS | Facet.BUCKET | Facet.CONTENT


@dataclass(slots=True, kw_only=True, eq=False)
class Enlisted:
    """A request within a batch that waits for the others of its bucket."""

    request: Request
    bucket_id: str
    step: Step
    sees: Facet
    """Of other buckets."""
    answer: "asyncio.Future[Response]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def is_read(self) -> bool:
        return isinstance(self.step, Read)

    @property
    def shows(self) -> Facet:
        """To requests about other buckets."""
        return _shown_by(self.step)

    def is_related(self, other: "Enlisted") -> bool:
        """Whether one of the two would see the other, if that came first."""
        return bool(self.sees & other.shows or other.sees & self.shows)


def seen_by_write(step: Command | DeleteMany | DeleteHistory) -> Facet:
    """What of other buckets matters to a change."""
    match step:
        case Create() | Put() | Patch() | Delete() if step.address.kind is Kind.BUCKET:
            return Facet.MEMBERS | Facet.BUCKET
        case _:
            return Facet.MEMBERS


def seen_by_request(request: Request) -> Facet:
    """What of buckets that its path does not name matters to a request that is no command."""
    match request.target.endpoint:
        case Endpoint.PERMISSIONS | Endpoint.COUNTERS | Endpoint.FLUSH | Endpoint.USER_DATA:
            return EVERYTHING
        case Endpoint.LIST if request.target.bucket_id is None:
            return Facet.MEMBERS | Facet.BUCKET
        case (
            Endpoint.LIST
            | Endpoint.OBJECT
            | Endpoint.HISTORY
            | Endpoint.SNAPSHOT
            | Endpoint.ROOT
            | Endpoint.ACCOUNTS
            | Endpoint.ACCOUNT
        ):
            return Facet.MEMBERS
        case _:
            return NOTHING


class Pending:
    """What was enlisted, by buckets, in their order."""

    def __init__(self) -> None:
        self._by_bucket: dict[str, list[Enlisted]] = {}
        self._after: dict[str, set[str]] = {}
        """Buckets to those that must be first."""

    @property
    def buckets(self) -> list[str]:
        """All buckets that something waits for."""
        return list(self._by_bucket)

    def seen(self, sees: Facet, bucket_id: str | None = None) -> list[str]:
        """The buckets of which a request would see something: of its own bucket all."""
        return [
            other
            for other, enlisted in self._by_bucket.items()
            if other == bucket_id or any(sees & each.shows for each in enlisted)
        ]

    def last_of(self, buckets: Collection[str]) -> str:
        """One that need not come before another of these."""
        return next(
            bucket_id
            for bucket_id in buckets
            if not any(bucket_id in self.up_to({other}) for other in buckets if other != bucket_id)
        )

    def up_to(self, buckets: Iterable[str]) -> set[str]:
        """The buckets, and all that must come before them."""
        found: set[str] = set()
        left = list(buckets)
        while left:
            bucket_id = left.pop()
            if bucket_id not in found:
                found.add(bucket_id)
                left.extend(self._after.get(bucket_id, ()))
        return found

    def in_the_way_of(self, new: Enlisted) -> set[str]:
        """What must be answered before this one can be enlisted: its own bucket's, if anything.

        That is so where another bucket must come after those, and before this one.
        """
        is_between = new.bucket_id in self._by_bucket and any(
            new.bucket_id in self.up_to({other}) for other in self._related_to(new)
        )
        return {new.bucket_id} if is_between else set()

    def add(self, new: Enlisted) -> None:
        """Enlist it, behind what it would see and what would see it."""
        self._after.setdefault(new.bucket_id, set()).update(self._related_to(new))
        self._by_bucket.setdefault(new.bucket_id, []).append(new)

    def take_first(self, among: set[str]) -> dict[str, list[Enlisted]]:
        """Take those out for which nothing else among these buckets must be first."""
        first = [
            bucket_id
            for bucket_id in self._by_bucket
            if bucket_id in among and not self._after[bucket_id] & among
        ]
        for others in self._after.values():
            others.difference_update(first)
        for bucket_id in first:
            del self._after[bucket_id]
        return {bucket_id: self._by_bucket.pop(bucket_id) for bucket_id in first}

    def _related_to(self, new: Enlisted) -> list[str]:
        return [
            other
            for other, enlisted in self._by_bucket.items()
            if other != new.bucket_id and any(map(new.is_related, enlisted))
        ]


def _shown_by(step: Step) -> Facet:
    match step:
        case Create() | Put() | Patch() | Delete():
            kind, ends = step.address.kind, isinstance(step, Delete)
        case DeleteMany(kind=kind):
            ends = True
        case DeleteHistory() | RotateSecret():
            return Facet.CONTENT
        case Read() | ReadSecrets():
            return NOTHING
        case _:
            assert_never(step)
    match kind:
        case Kind.BUCKET:
            # With a bucket its groups end.
            members = Facet.MEMBERS if ends else NOTHING
            return Facet.BUCKET | Facet.CONTENT | members
        case Kind.GROUP:
            return Facet.MEMBERS | Facet.CONTENT
        case Kind.COLLECTION | Kind.RECORD | Kind.WEBHOOK:
            return Facet.CONTENT
        case _:
            assert_never(kind)
