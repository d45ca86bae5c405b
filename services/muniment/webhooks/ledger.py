"""Which claims events were written under: what it takes to begin in the middle of the log.

A reader has to know which claim is in force where it begins (`muniment.log.claims`). Claims are
few, a handful a day and partition, so all are kept; with the time of the first event under each
they are a rough index of the log by time as well.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.domain.events import ObjectChanged
from muniment.domain.values import Timestamp
from muniment.log.protocol import Entry, Offset, Partition, Start

CLOCKS_APART_MS: Final = 3_600_000
"""A bucket's clock runs ahead of the wall's by no more, and two owners' clocks differ by less."""
BEGIN: Final = Start(offset=Offset(0), claim=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSeen:
    """A claim under which something was written."""

    partition: Partition
    offset: Offset
    at: Timestamp
    """When the first event under it occurred."""


class Ledger:
    """All such claims up to where the reading is."""

    def __init__(self) -> None:
        self._offsets: dict[Partition, list[Offset]] = {}
        self._times: dict[Partition, list[Timestamp]] = {}
        self._news: list[ClaimSeen] = []

    def restore(self, claims: Iterable[ClaimSeen]) -> None:
        """Begin with those that are written down."""
        for claim in sorted(claims, key=lambda seen: (seen.partition, seen.offset)):
            self._keep(claim)

    def pass_by(self, entry: Entry, event: ObjectChanged) -> None:
        """Note an event that the reading has come to."""
        partition = entry.position.partition
        offsets = self._offsets.get(partition)
        if entry.claim is None or (offsets and offsets[-1] >= entry.claim):
            return
        claim = ClaimSeen(partition=partition, offset=entry.claim, at=event.occurred_at)
        self._keep(claim)
        self._news.append(claim)

    def take_news(self) -> Sequence[ClaimSeen]:
        """The claims that are to be written down."""
        news, self._news = self._news, []
        return news

    def start_at(self, partition: Partition, offset: Offset, reading: Start) -> Start:
        """Where to begin reading, to miss nothing from `offset` on.

        `reading` is how far the log has been passed by: what lies beyond begins there.
        """
        if offset >= reading.offset:
            return reading
        offsets = self._offsets.get(partition, ())
        found = bisect_left(offsets, offset) - 1
        return BEGIN if found < 0 else Start(offset=offset, claim=offsets[found])

    def start_before(self, partition: Partition, at: Timestamp) -> Start:
        """Where to begin reading, to miss no event of that time or later."""
        found = bisect_left(self._times.get(partition, ()), at - CLOCKS_APART_MS) - 1
        if found < 0:
            return BEGIN
        # The reader comes to the claim itself first.
        return Start(offset=self._offsets[partition][found], claim=None)

    def _keep(self, claim: ClaimSeen) -> None:
        self._offsets.setdefault(claim.partition, []).append(claim.offset)
        times = self._times.setdefault(claim.partition, [])
        times.append(max(claim.at, times[-1]) if times else claim.at)
