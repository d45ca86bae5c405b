"""The second layer of the fence: which entries count, told from the log alone.

The broker refuses a stale owner, but forgets owners it has not heard of for long
(`docs/decisions`, one writer per partition). So every event names the claim it was written under,
and counts only if no other claim came between.
"""

from muniment.log.protocol import Entry, Offset


class ClaimFilter:
    """Follows the claims of one partition, entry by entry.

    The claim that comes last in the log is in force, whatever its epoch: so the answer depends on
    the order of the log only, and a reader that starts in the middle needs one offset to know it.
    """

    __slots__ = ("in_force",)

    def __init__(self, in_force: Offset | None) -> None:
        self.in_force = in_force
        """The offset of the last claim; `None` before the first."""

    def counts(self, entry: Entry) -> bool:
        """Whether the next entry has effect. Each entry is to be asked for once, in order."""
        if entry.is_claim:
            self.in_force = entry.position.offset
            return True
        return entry.claim is not None and entry.claim == self.in_force
