"""Whether a write would succeed and be read back: the command side's checks of the heartbeat."""

from collections.abc import Mapping
from typing import Final

from muniment.command.loading import ReadModel
from muniment.command.owners import Owners
from muniment.log.protocol import Log, Offset, Partition
from muniment.readmodel.checkpoints import Checkpoints
from muniment.web.forwarding import Forwarder
from muniment.web.root import Check

BEAT_AGE_S_MAX: Final = 5.0
LAG_ENTRIES_MAX: Final = 10_000
"""A projector further behind than this makes writes wait past their deadline."""


class Health:
    """Asks each dependency anew; nothing is remembered from the last time."""

    def __init__(
        self,
        *,
        event_log: Log,
        owners: Owners,
        read_model: ReadModel,
        checkpoints: Checkpoints,
        forwarder: Forwarder,
        instance_url: str,
    ) -> None:
        self._log = event_log
        self._owners = owners
        self._read_model = read_model
        self._checkpoints = checkpoints
        self._forwarder = forwarder
        self._instance_url = instance_url

    @property
    def checks(self) -> Mapping[str, Check]:
        """By the names that `/__heartbeat__` shows (HB-1, D-4)."""
        return {"kafka": self.log_takes_writes, "projector": self.projector_follows}

    async def log_takes_writes(self) -> bool:
        """Every partition has a leader, and an owner that is open."""
        await self._log.end_offsets()
        elsewhere = set(self._log.partitions) - self._owners.owned
        owners = [await self._read_model.last_owner(partition) for partition in elsewhere]
        urls = {None if owner is None else owner.url for owner in owners}
        if None in urls or self._instance_url in urls:
            return False
        return all([await self._forwarder.is_alive(url) for url in urls if url is not None])

    async def projector_follows(self) -> bool:
        """A projector is at work, and close behind the log."""
        if not await self._read_model.projector_is_alive(beat_age_s_max=BEAT_AGE_S_MAX):
            return False
        ends = await self._log.end_offsets()
        return all(self._lag(partition, end) <= LAG_ENTRIES_MAX for partition, end in ends.items())

    def _lag(self, partition: Partition, end: Offset) -> int:
        checkpoint = self._checkpoints.current.get(partition)
        return end if checkpoint is None else end - checkpoint.next_offset
