"""SQL and a plain Python model of contract section 10 agree on random lists and selections."""

from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.domain.queries.selection import (
    DEFAULT_ORDER,
    ID,
    LAST_MODIFIED,
    Filter,
    Operator,
    Path,
    Selection,
    Sort,
)
from muniment.domain.values import JsonObject, JsonValue
from tests.contract.lists.model import expected, is_tombstone
from tests.contract.lists.table import Table

TIMES_MAX: Final = 50
PATHS: Final[tuple[Path, ...]] = (("a",), ("b",), ("a", "b"), ("deleted",))

TEXTS: Final = st.text(alphabet="abAB01 éÉ€😀İΣσς\n\x1f\x7f*%_\\\"'", max_size=4)
NUMBERS: Final = (
    st.integers(-3, 3)
    | st.sampled_from([0.5, 2.0, -0.0, 1e300, -1e300, 1e-300, 2**63, 2**64 - 1, -(2**63), 1e22])
    | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS: Final = st.none() | st.booleans() | NUMBERS | TEXTS


def containers(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    names = st.sampled_from(["a", "b", "bb", "é", "0", ""])
    return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)


VALUES: Final[st.SearchStrategy[JsonValue]] = st.recursive(SCALARS, containers, max_leaves=6)
FEW: Final[st.SearchStrategy[JsonValue]] = st.sampled_from(
    [None, "", "a", "B", 0, 1, 1.0, True, False, [], [[]], [1], [None], {}, {"b": 1}, {"b": []}]
)
FIELD_VALUES: Final[st.SearchStrategy[JsonValue]] = FEW | VALUES
IDS: Final = st.sampled_from(["1", "a", "B", "b", "a-", "a_", "zz"])


@st.composite
def lists(draw: st.DrawFn) -> list[JsonObject]:
    """Objects with ids and timestamps of their own, some of them tombstones."""
    ids = draw(st.lists(st.text("aB1_-", min_size=1, max_size=3), unique=True, max_size=12))
    times = draw(st.permutations(range(1, TIMES_MAX)))
    objects: list[JsonObject] = []
    for one, time in zip(ids, times, strict=False):
        own: JsonObject = {"id": one, "last_modified": time}
        if draw(st.integers(0, 5)) == 0:
            objects.append({**own, "deleted": True})
            continue
        names = draw(st.sets(st.sampled_from("ab")))
        objects.append({**own, **{name: draw(FIELD_VALUES) for name in sorted(names)}})
    return objects


OF_A_VALUE: Final = st.sampled_from(
    [Operator.EQ, Operator.NOT, Operator.GT, Operator.MIN, Operator.LT, Operator.MAX]
)
OF_A_LIST: Final = st.sampled_from([Operator.IN, Operator.EXCLUDE])
OF_ARRAYS: Final = st.sampled_from([Operator.CONTAINS, Operator.CONTAINS_ANY])


def on(
    path: st.SearchStrategy[Path],
    operator: st.SearchStrategy[Operator],
    value: st.SearchStrategy[JsonValue],
) -> st.SearchStrategy[Filter]:
    return st.builds(Filter, path=path, operator=operator, value=value)


FIELDS: Final = st.sampled_from(PATHS)
TIMES: Final = st.integers(0, TIMES_MAX)
FILTERS: Final = st.one_of(
    on(FIELDS, OF_A_VALUE, FIELD_VALUES),
    on(FIELDS, OF_A_LIST, st.lists(FIELD_VALUES, max_size=3)),
    on(FIELDS, OF_ARRAYS, st.lists(FIELD_VALUES, max_size=3)),
    on(FIELDS, st.just(Operator.HAS), st.booleans()),
    on(FIELDS, st.just(Operator.LIKE), TEXTS),
    on(st.just(ID), OF_A_VALUE, IDS),
    on(st.just(ID), OF_A_LIST, st.lists(IDS, max_size=3)),
    on(st.just(ID), st.just(Operator.LIKE), TEXTS),
    on(st.just(LAST_MODIFIED), OF_A_VALUE, TIMES),
    on(st.just(LAST_MODIFIED), OF_A_LIST, st.lists(TIMES, max_size=3)),
    on(st.just(LAST_MODIFIED), st.just(Operator.LIKE), st.sampled_from(["1", "2*", "*3"])),
    on(st.sampled_from([ID, LAST_MODIFIED]), st.just(Operator.HAS), st.booleans()),
)

SORTS: Final = st.builds(
    Sort, path=st.sampled_from([*PATHS, ID, LAST_MODIFIED]), is_descending=st.booleans()
)


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    sorts = draw(st.lists(SORTS, max_size=3, unique_by=lambda sort: sort.path))
    paths = [sort.path for sort in sorts]
    return Selection(
        filters=tuple(draw(st.lists(FILTERS, max_size=2))),
        order=(*sorts, *(sort for sort in DEFAULT_ORDER if sort.path not in paths)),
        limit=draw(st.integers(1, 5)),
    )


unhurried = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@unhurried
@given(objects=lists(), selection=selections())
def test_all_pages_together_give_each_match_once_in_order(
    table: Table, objects: list[JsonObject], selection: Selection
) -> None:
    """10.2, 10.3, QS-1 to QS-5, QP-2, QP-5, QP-6, LIST-6."""
    table.fill(objects)

    pages = table.all_pages(selection)

    found = [one["id"] for page in pages for one in page]
    assert found == [one["id"] for one in expected(objects, selection)]
    assert all(len(page) == selection.limit for page in pages[:-1])
    assert pages[-1] or len(pages) == 1


@unhurried
@given(objects=lists(), selection=selections())
def test_a_bulk_delete_takes_the_live_ones_of_the_first_page(
    table: Table, objects: list[JsonObject], selection: Selection
) -> None:
    """DELL-2, DELL-5."""
    table.fill(objects)

    selected = table.select_for_delete(selection)

    live = [one["id"] for one in expected(objects, selection) if not is_tombstone(one)]
    assert selected.ids == live[: selection.limit]
    assert (selected.next_token is None) == (len(live) <= selection.limit)


@unhurried
@given(value=FIELD_VALUES, pattern=st.text('abAB01e+-.*%_\\éÉ😀İΣς,"[{: ', max_size=4))
def test_like_is_a_pattern_without_regard_to_case(
    table: Table, value: JsonValue, pattern: str
) -> None:
    """QO-3, D-16: also on the JSON texts of numbers, arrays and objects."""
    objects: list[JsonObject] = [{"id": "x", "last_modified": 1, "t": value}]
    like = Filter(path=("t",), operator=Operator.LIKE, value=pattern)
    table.fill(objects)

    [found] = table.all_pages(Selection(filters=(like,)))

    # Which ones, not their values: a number past 2^53 comes back as another spelling of itself.
    assert ids(found) == ids(expected(objects, Selection(filters=(like,))))


def ids(objects: Sequence[JsonObject]) -> list[JsonValue]:
    return [one["id"] for one in objects]
