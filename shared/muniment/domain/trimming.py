"""Decide: whether entries are removed from a bucket's history (contract HIS-11).

The events that the entries told of stay on the log: what is removed is what readers see of them.
"""

from collections.abc import Sequence

from muniment.domain.commands import ANY, DeleteHistory
from muniment.domain.events import HistoryTrimmed
from muniment.domain.moments import Moment
from muniment.domain.permissions import holds
from muniment.domain.refusals import Invalid, NotAllowed, ObjectModified, Refusal
from muniment.domain.states import Present
from muniment.domain.timelines import Timeline
from muniment.domain.values import Timestamp


def refuse_trim(bucket: Present | None, stream: Timeline, order: DeleteHistory) -> Refusal | None:
    """What keeps the order from being carried out, whatever it selects; nobody trims nothing."""
    if bucket is None or not holds(order.requester.principals, bucket.permissions, "write"):
        return NotAllowed()
    if order.faults:
        return Invalid(order.faults)
    conditions = order.preconditions
    if conditions.if_none_match == ANY or conditions.if_match not in (None, ANY, stream.at):
        return ObjectModified(current=stream.at, existing=None)
    return None


def trim(
    bucket: Present,
    stream: Timeline,
    order: DeleteHistory,
    entries: Sequence[Timestamp],
    moment: Moment,
) -> HistoryTrimmed:
    """The removal of the entries, at least one; each takes one moment of the bucket's clock."""
    assert bucket.uid is not None  # noqa: S101 - a bucket that exists has one
    first = stream.next(moment.now)
    return HistoryTrimmed(
        id=moment.event_id,
        bucket_id=order.bucket_id,
        bucket_uid=bucket.uid,
        entries=tuple(entries),
        stream_at=Timestamp(first + len(entries) - 1),
        occurred_at=moment.now,
        cause=order.cause,
    )
