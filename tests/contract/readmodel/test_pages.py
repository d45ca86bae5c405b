"""Pages that Postgres makes of what a query chooses: as long as asked, and not too large."""

import asyncpg
import orjson
import pytest

from muniment.query.pages import found_in, page_of

CHOSEN = """SELECT jsonb_build_object('n', number, 't', repeat('x', bytes)) AS data,
                   jsonb_build_array(number) AS sort_values
              FROM unnest($1::integer[]) WITH ORDINALITY AS sizes (bytes, number)
             ORDER BY number
             LIMIT $2 + 1"""


async def numbers_and_last(
    connection: "asyncpg.Connection[asyncpg.Record]", sizes: list[int], *, limit: int
) -> tuple[list[int], list[int] | None]:
    statement = page_of(CHOSEN, limit="$2::integer", bytes_max=1_000)
    row = await connection.fetchrow(statement, sizes, limit)
    assert row is not None
    found = found_in(row)
    assert found.body is not None
    shown = [each["n"] for each in orjson.loads(found.body)["data"]]
    return shown, None if found.last is None else orjson.loads(found.last)


@pytest.mark.parametrize(
    ("sizes", "limit", "shown", "last"),
    [
        pytest.param([], 3, [], None, id="nothing"),
        pytest.param([10, 10, 10], 3, [1, 2, 3], None, id="all"),
        pytest.param([10, 10, 10], 2, [1, 2], [2], id="more-than-asked"),
        pytest.param([400, 400, 400, 10], 9, [1, 2], [2], id="more-than-fit"),
        pytest.param([5_000, 10, 10], 9, [1], [1], id="a-first-one-that-is-too-large"),
        pytest.param([10, 5_000, 10], 9, [1], [1], id="a-second-one-that-is-too-large"),
        pytest.param([5_000], 9, [1], None, id="one-that-is-too-large"),
        pytest.param([400, 400], 2, [1, 2], None, id="just-what-fits"),
    ],
)
async def test_a_page_ends_where_it_would_be_too_large(
    connection: "asyncpg.Connection[asyncpg.Record]",
    sizes: list[int],
    limit: int,
    shown: list[int],
    last: list[int] | None,
) -> None:
    """LIST-5, QP-2: the rest is on the next page, which begins after the last that was shown."""
    assert await numbers_and_last(connection, sizes, limit=limit) == (shown, last)
