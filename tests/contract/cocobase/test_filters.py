"""A filter in SQL and the same held against documents in memory agree (CocoBase contract, 6)."""

import asyncio
import uuid
from collections.abc import Coroutine, Generator, Sequence
from typing import Any, Final, TypeVar

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.cocobase.filters import sql
from muniment.cocobase.filters.conditions import Operator
from muniment.cocobase.filters.holding import holds
from muniment.cocobase.filters.parsing import parse_filter
from muniment.domain.documents import document_of, parts_of
from muniment.domain.values import JsonObject, JsonValue
from muniment.readmodel.connection import open_connection
from muniment.readmodel.jsonb import jsonb_text
from muniment.readmodel.lists.sql import Values
from muniment.readmodel.migrate import migrate
from tests.support.stack import Stack, new_database

T = TypeVar("T")

FIELDS: Final = ("a", "b", "id", "deleted", "schema", "a.b", "")
TEXTS: Final = st.text(alphabet="aAb01.-+eE ,éÉİΣσς%_\\\"'\n\x7f😀", max_size=4)
WORDS: Final = st.sampled_from(
    ["", "1", "1.0", "01", "1e2", "-0", ".5", "true", "True", "FALSE", "null", "2024-01-01", "a,b"]
)
NUMBERS: Final = (
    st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -0.0, 1e22, 1e-7, 1e300, 2**53, 2**63 - 1])
    | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS: Final[st.SearchStrategy[JsonValue]] = st.none() | st.booleans() | NUMBERS | TEXTS | WORDS


def containers(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    names = st.sampled_from(["a", "bb", "é", ""])
    return st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2)


VALUES: Final[st.SearchStrategy[JsonValue]] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "bb", "é", ""]), inner, max_size=2)
    ),
    max_leaves=4,
)
DOCUMENTS: Final = st.lists(
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), min_size=1, max_size=6
)


def key(fields: list[str], joined: str, operator: str, group: str) -> str:
    """A parameter's name."""
    separator = "_" if len(fields) == 1 else "__"
    return f"{group}{joined.join(fields)}{separator if operator else ''}{operator}"


KEYS: Final = st.builds(
    key,
    fields=st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3),
    joined=st.sampled_from(["__or__", "__and__"]),
    operator=st.sampled_from(["", *Operator]),
    group=st.sampled_from(["", "", "[or]", "[or:x]"]),
)
QUERIES: Final = st.lists(st.tuples(KEYS, WORDS | TEXTS), min_size=1, max_size=4)


class Rows:
    """Documents in the table of records, under numbers for ids."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._opened = open_connection(url, application="test")
        self._connection = self._run(self._opened.__aenter__())
        self._run(migrate(self._connection))
        self._parent = uuid.uuid4()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self._run(self._opened.__aexit__(None, None, None))
        self._runner.close()

    def fill(self, documents: Sequence[JsonObject]) -> None:
        self._parent = uuid.uuid4()
        rows: list[tuple[object, ...]] = []
        for number, document in enumerate(documents):
            parts = parts_of(document)
            data = {**parts.data, "id": f"{number}", "last_modified": 10 + number, "schema": 7}
            hidden = None if parts.hidden is None else jsonb_text(parts.hidden)
            rows.append((self._parent, f"{number}", 10 + number, jsonb_text(data), hidden))
        self._run(self._connection.executemany(_INSERT, rows))

    def found(self, query: Sequence[tuple[str, str]]) -> set[int]:
        values = Values()
        parent = values.bind(self._parent, "uuid")
        where = sql.condition(parse_filter(query, not_filters=()), values)
        statement = f"SELECT o.id FROM record AS o WHERE o.parent = {parent} AND {where}"  # noqa: S608
        return {int(row["id"]) for row in self._run(self._connection.fetch(statement, *values.all))}

    def stored(self) -> list[JsonObject]:
        """The documents as they come back."""
        statement = "SELECT data, hidden FROM record WHERE parent = $1 ORDER BY id::integer"
        return [
            document_of(
                orjson.loads(row["data"]),
                None if row["hidden"] is None else orjson.loads(row["hidden"]),
            )
            for row in self._run(self._connection.fetch(statement, self._parent))
        ]


_INSERT: Final = """
INSERT INTO record (parent, id, last_modified, deleted, data, hidden, permissions)
VALUES ($1, $2, $3, FALSE, $4, $5, '{}'::jsonb)
"""


@pytest.fixture(scope="module")
def rows(stack: Stack) -> Generator[Rows]:
    with new_database(stack) as url:
        rows = Rows(url)
        yield rows
        rows.close()


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(documents=DOCUMENTS, queries=st.lists(QUERIES, min_size=1, max_size=4))
def test_rows_and_documents_are_judged_alike(
    rows: Rows, documents: list[JsonObject], queries: list[list[tuple[str, str]]]
) -> None:
    """What a watcher is told of is what a listing with the same filter shows."""
    rows.fill(documents)

    for query in queries:
        condition = parse_filter(query, not_filters=())
        expected = {n for n, document in enumerate(documents) if holds(condition, document)}
        assert rows.found(query) == expected, query


DATA: Final[list[JsonObject]] = [
    {"n": 1, "t": "Ada", "b": True, "tags": ["x", "y"], "d": "2024-01-05"},
    {"n": 2.5, "t": "adam", "b": False, "tags": [], "d": "2024-02-01"},
    {"n": "10", "t": "50%_off", "b": "true", "o": {"k": "Ada"}, "d": "2023-12-31"},
    {"n": None, "t": "", "user_id": 7, "first_name": "Ada", "age_": 3},
    {"id": 9, "schema": "s", "n": -3, "t": "zoë"},
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ([("n", "1")], {0}),
        ([("n", "1.0")], {0}),
        ([("n", "10")], {2}),
        ([("n", "10.0")], set[int]()),
        ([("b", "True")], {0}),
        ([("b", "true")], {0, 2}),
        ([("t", "ada")], set[int]()),
        ([("t", "")], {3}),
        ([("n_ne", "1")], {1, 2, 4}),
        ([("n_gt", "1")], {1, 2}),
        ([("n__gte", "2.5")], {1, 2}),
        ([("n_lt", "0")], {4}),
        ([("d_gte", "2024-01-01")], {0, 1}),
        ([("t_contains", "DA")], {0, 1}),
        ([("t_contains", "%_")], {2}),
        ([("t_startswith", "ad")], {0, 1}),
        ([("t_endswith", "OFF")], {2}),
        ([("t_endswith", "OË")], {4}),
        ([("tags_contains", "X")], {0}),
        ([("o_contains", "ada")], {2}),
        ([("n_in", " 1 , 2.5,x")], {0, 1}),
        ([("n_notin", "1,2.5")], {2, 4}),
        ([("n_isnull", "true")], {3}),
        ([("n_isnull", "false")], {0, 1, 2, 4}),
        ([("gone_isnull", "1")], {0, 1, 2, 3, 4}),
        ([("gone", "1")], set[int]()),
        ([("gone_ne", "1")], set[int]()),
        ([("user_id", "7")], {3}),
        ([("first_name_contains", "ad")], {3}),
        ([("schema", "s")], {4}),
        ([("n_gte", "1"), ("b", "true")], {0, 2}),
        ([("[or]n", "1"), ("[or]n", "2.5")], {0, 1}),
        ([("[or]n", "1"), ("[or]n", "2.5"), ("b", "false")], {1}),
        ([("[or:a]n", "1"), ("[or:a]n", "2.5"), ("[or:b]t", "Ada"), ("[or:b]t", "zoë")], {0}),
        ([("t__or__first_name_contains", "ada")], {0, 1, 3}),
        ([("t__and__d_startswith", "ada")], set[int]()),
        ([("n_gte__or__t_contains", "1")], {0, 1, 2}),
        ([("[or]t__or__first_name", "Ada"), ("[or]n", "-3")], {0, 3, 4}),
        ([("?n", "1"), ("", "x")], {0}),
        ([], {0, 1, 2, 3, 4}),
    ],
)
def test_operators_say_what_the_contract_says(
    rows: Rows, query: list[tuple[str, str]], found: set[int]
) -> None:
    """The table of section 6, on rows and in memory."""
    condition = parse_filter(query, not_filters=())
    rows.fill(DATA)

    assert rows.found(query) == found
    assert {n for n, document in enumerate(rows.stored()) if holds(condition, document)} == found
