"""Random commands in a small world, so that they meet each other."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from hypothesis import strategies as st

from muniment.domain.addresses import Address, bucket, collection, group, record
from muniment.domain.commands import ANONYMOUS, Command
from muniment.domain.events import EventId
from muniment.domain.moments import Moment
from muniment.domain.values import JsonObject, Timestamp
from tests.support.deciding import NADIA, NOW, OMAR, Asked

ADDRESSES: Final[Sequence[Address]] = [
    bucket("atlas"),
    bucket("birds"),
    collection("atlas", "stations"),
    collection("atlas", "trips"),
    collection("birds", "stations"),
    group("atlas", "crew"),
    group("birds", "crew"),
    record("atlas", "stations", "one"),
    record("atlas", "stations", "two"),
    record("atlas", "trips", "one"),
    record("birds", "stations", "one"),
]

wishes = st.one_of(
    st.none(),
    st.integers(NOW - 5, NOW + 5),
    st.integers(NOW + 1_000, NOW + 1_010),
    st.just(-1),
    st.just("soon"),
)
"""A `last_modified` that a client sends; near each other, so that some are taken."""


@st.composite
def data(draw: st.DrawFn) -> JsonObject:
    wish = draw(wishes)
    fields: dict[str, int | str] = {} if wish is None else {"last_modified": wish}
    return fields | {name: draw(st.integers(0, 3)) for name in draw(st.sets(st.sampled_from("xy")))}


@st.composite
def commands(draw: st.DrawFn, addresses: Sequence[Address] = ADDRESSES) -> Command:
    """Nadia mostly, and who else may want something; conditions that sometimes hold."""
    asked = Asked(
        address=draw(st.sampled_from(addresses)),
        by=draw(st.sampled_from([NADIA, NADIA, NADIA, OMAR, ANONYMOUS])),
        if_match=draw(st.sampled_from([None, None, None, "*", NOW])),
        if_none_match=draw(st.sampled_from([None, None, None, "*"])),
    )
    permissions = draw(
        st.sampled_from([None, None, {"read": ["account:omar"]}, {"write": ["system.Everyone"]}])
    )
    match draw(st.sampled_from(["put", "put", "create", "create", "patch", "merge", "delete"])):
        case "put":
            return asked.put(draw(st.none() | data()), permissions)
        case "create":
            return asked.create(draw(data()), permissions)
        case "patch":
            return asked.patch(draw(data()), permissions)
        case "merge":
            return asked.merge(draw(data()), permissions)
        case _:
            wish = draw(wishes)
            return asked.delete(wish if isinstance(wish, int) and wish >= 0 else None)


def moments() -> st.SearchStrategy[list[int]]:
    """What the owner's clock says: it stands still, and steps back."""
    return st.lists(st.integers(NOW - 3, NOW + 3), min_size=1, max_size=40)


def moment(number: int, now: int) -> Moment:
    """The one in which the command of that number is decided."""
    return Moment(now=Timestamp(now), event_id=EventId(str(UUID(int=number + 1))))


def opening() -> list[Command]:
    """Commands that make the world's parents, so that fewer of the random ones are refused."""
    return [Asked(address=address).put({}) for address in ADDRESSES[:5]]
