"""Removal of history: who may, on what condition, and the moments that tombstones get."""

import pytest

from muniment.domain.addresses import BucketId
from muniment.domain.commands import ANONYMOUS, DeleteHistory, Preconditions, Requester
from muniment.domain.events import Cause
from muniment.domain.refusals import Fault, Invalid, NotAllowed, ObjectModified
from muniment.domain.states import Present
from muniment.domain.timelines import Timeline
from muniment.domain.trimming import refuse_trim, trim
from muniment.domain.values import Timestamp
from tests.support.deciding import (
    BUCKET,
    BUCKET_UID,
    EARLIER,
    NADIA,
    NOW,
    OMAR,
    acl,
    moment,
    present,
)

STREAM = Timeline(at=EARLIER)
FAULT = Fault(location="querystring", name="colour", description="Unknown filter field 'colour'")


def order(
    by: Requester = NADIA, *, faults: tuple[Fault, ...] = (), if_match: int | None = None
) -> DeleteHistory:
    tag = None if if_match is None else Timestamp(if_match)
    return DeleteHistory(
        bucket_id=BucketId("atlas"),
        requester=by,
        cause=Cause(actor=by.user_id, request_id="r1"),
        preconditions=Preconditions(if_match=tag),
        faults=faults,
    )


@pytest.mark.parametrize(
    ("bucket", "by", "is_allowed"),
    [
        (present(BUCKET), NADIA, True),
        (present(BUCKET), OMAR, False),
        (present(BUCKET), ANONYMOUS, False),
        (present(BUCKET, permissions=acl(read="account:omar")), OMAR, False),
        (present(BUCKET, permissions=acl(write="system.Everyone")), ANONYMOUS, True),
        (None, NADIA, False),
    ],
)
def test_it_takes_the_right_to_write_the_bucket(
    bucket: Present | None, by: Requester, is_allowed: bool
) -> None:
    """HIS-11, BKT-5."""
    refusal = refuse_trim(bucket, STREAM, order(by))

    assert refusal == (None if is_allowed else NotAllowed())


def test_rights_come_before_faults_and_those_before_conditions() -> None:
    """Section 2.3."""
    bucket = present(BUCKET)

    assert refuse_trim(bucket, STREAM, order(OMAR, faults=(FAULT,))) == NotAllowed()
    stale = order(faults=(FAULT,), if_match=1)
    assert refuse_trim(bucket, STREAM, stale) == Invalid((FAULT,))


def test_a_list_that_moved_is_left_alone() -> None:
    """Row B of the truth table."""
    bucket = present(BUCKET)

    assert refuse_trim(bucket, STREAM, order(if_match=EARLIER)) is None
    modified = ObjectModified(current=EARLIER, existing=None)
    assert refuse_trim(bucket, STREAM, order(if_match=1)) == modified


@pytest.mark.parametrize("stream_at", [EARLIER, NOW + 5])
def test_each_tombstone_takes_a_moment_of_the_buckets_clock(stream_at: int) -> None:
    """DELL-3: distinct, increasing, and after all that was there."""
    stream = Timeline(at=Timestamp(stream_at))
    entries = [Timestamp(3), Timestamp(9), Timestamp(7)]

    event = trim(present(BUCKET), stream, order(), entries, moment())

    first = stream.next(NOW)
    assert event.bucket_uid == BUCKET_UID
    assert event.tombstones == {3: first, 9: first + 1, 7: first + 2}
    assert event.stream_at == first + 2
