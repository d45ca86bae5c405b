"""The second layer of the fence: only what the last claim before it covers counts."""

from hypothesis import given
from hypothesis import strategies as st

from muniment.log.claims import ClaimFilter
from muniment.log.protocol import Claim, Entry, Offset, Partition, Position
from tests.unit.log.builders import changed


def claim_at(offset: int, *, epoch: int = 0, producer_id: int = 1) -> Entry:
    claim = Claim(epoch=epoch, producer_id=producer_id, instance_id="one", url="http://one")
    return Entry(position=Position(Partition(0), Offset(offset)), claim=None, content=claim)


def event_at(offset: int, *, claim: int) -> Entry:
    position = Position(Partition(0), Offset(offset))
    return Entry(position=position, claim=Offset(claim), content=changed())


def counting(entries: list[Entry], *, in_force: int | None = None) -> list[int]:
    claims = ClaimFilter(None if in_force is None else Offset(in_force))
    return [entry.position.offset for entry in entries if claims.counts(entry)]


def test_events_under_the_last_claim_count() -> None:
    """The usual case."""
    assert counting([claim_at(0), event_at(1, claim=0), event_at(2, claim=0)]) == [0, 1, 2]


def test_a_stale_owners_events_do_not_count() -> None:
    """Its appends got through because the broker had forgotten it."""
    entries = [claim_at(0), claim_at(1), event_at(2, claim=0), event_at(3, claim=1)]

    assert counting(entries) == [0, 1, 3]


def test_the_claim_in_force_is_carried_over() -> None:
    """A reader that starts in the middle has not seen the claim itself."""
    assert counting([event_at(7, claim=4), event_at(8, claim=2)], in_force=4) == [7]


def test_before_the_first_claim_nothing_counts() -> None:
    """An event without an owner is nobody's."""
    assert counting([event_at(0, claim=0), claim_at(1)]) == [1]


def test_the_later_claim_wins_whatever_its_epoch() -> None:
    """Otherwise readers that start at different places could disagree."""
    entries = [claim_at(0, epoch=5), claim_at(1, epoch=4), event_at(2, claim=0)]

    assert counting([*entries, event_at(3, claim=1)]) == [0, 1, 3]


@given(
    kinds=st.lists(st.none() | st.integers(0, 9), max_size=12),
    cut=st.integers(0, 12),
)
def test_readers_agree_wherever_they_start(kinds: list[int | None], cut: int) -> None:
    """The offset and the claim in force are all that a checkpoint needs."""
    entries = [
        claim_at(offset) if claim is None else event_at(offset, claim=claim)
        for offset, claim in enumerate(kinds)
    ]
    claims = ClaimFilter(None)
    first = [entry.position.offset for entry in entries[:cut] if claims.counts(entry)]

    rest = counting(entries[cut:], in_force=claims.in_force)

    assert [*first, *rest] == counting(entries)
