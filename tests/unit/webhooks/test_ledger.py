"""Where one may begin to read in the middle of the log."""

from muniment.domain.events import ObjectChanged
from muniment.domain.values import Timestamp
from muniment.log.protocol import Entry, Offset, Partition, Position, Start
from muniment.webhooks.ledger import BEGIN, CLOCKS_APART_MS, ClaimSeen, Ledger
from tests.unit.webhooks.building import record

ONLY = Partition(0)
READING = Start(offset=Offset(100), claim=Offset(50))


def seen(offset: int, at: int) -> ClaimSeen:
    return ClaimSeen(partition=ONLY, offset=Offset(offset), at=Timestamp(at))


def event_at(offset: int, claim: int) -> tuple[Entry, ObjectChanged]:
    event = record("a")
    position = Position(ONLY, Offset(offset))
    return Entry(position=position, claim=Offset(claim), content=event), event


def test_reading_begins_at_the_offset_under_the_claim_before_it() -> None:
    ledger = Ledger()
    ledger.restore([seen(0, 1_000), seen(50, 2_000)])

    assert ledger.start_at(ONLY, Offset(30), READING) == Start(offset=Offset(30), claim=Offset(0))
    assert ledger.start_at(ONLY, Offset(60), READING) == Start(offset=Offset(60), claim=Offset(50))


def test_a_claim_itself_is_under_the_one_before() -> None:
    ledger = Ledger()
    ledger.restore([seen(0, 1_000), seen(50, 2_000)])

    assert ledger.start_at(ONLY, Offset(50), READING) == Start(offset=Offset(50), claim=Offset(0))
    assert ledger.start_at(ONLY, Offset(0), READING) == BEGIN


def test_beyond_the_reading_it_begins_where_that_is() -> None:
    """Else a claim that nobody has seen yet would make all after it count as stale."""
    ledger = Ledger()
    ledger.restore([seen(0, 1_000)])

    assert ledger.start_at(ONLY, Offset(400), READING) == READING


def test_the_events_tell_of_their_claims_once() -> None:
    ledger = Ledger()
    for offset, claim in ((1, 0), (2, 0), (51, 50), (52, 50)):
        ledger.pass_by(*event_at(offset, claim))

    assert [claim.offset for claim in ledger.take_news()] == [0, 50]
    assert ledger.take_news() == []


def test_a_time_is_found_by_the_last_claim_that_is_surely_before_it() -> None:
    ledger = Ledger()
    ledger.restore([seen(0, 10 * CLOCKS_APART_MS), seen(50, 20 * CLOCKS_APART_MS)])

    early = ledger.start_before(ONLY, Timestamp(5 * CLOCKS_APART_MS))
    between = ledger.start_before(ONLY, Timestamp(21 * CLOCKS_APART_MS))
    late = ledger.start_before(ONLY, Timestamp(22 * CLOCKS_APART_MS))

    assert early == BEGIN
    assert between == Start(offset=Offset(0), claim=None)
    assert late == Start(offset=Offset(50), claim=None)
