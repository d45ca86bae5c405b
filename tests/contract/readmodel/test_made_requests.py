"""Keys of requests in the read model: where on the log is what was made under them."""

from dataclasses import replace
from uuid import UUID

import asyncpg

from muniment.domain.addresses import bucket
from muniment.domain.commands import Command
from muniment.domain.events import RequestKey
from tests.support.deciding import Asked
from tests.support.past import Past

ATLAS = bucket("atlas")
ONE = RequestKey(id=str(UUID(int=1)), request=str(UUID(int=11)))
TWO = RequestKey(id=str(UUID(int=2)), request=str(UUID(int=12)), events=3, next_token="t")

FIND = """
SELECT key, request, last_offset, claim_offset, events, next_token FROM made_request ORDER BY key
"""


def keyed(command: Command, key: RequestKey) -> Command:
    return replace(command, cause=replace(command.cause, key=key))


async def test_the_last_event_under_a_key_is_found(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """A key that was used again leads to what was made last, in batches of any size."""
    past = Past()
    past.happens(
        keyed(Asked(address=ATLAS).put({"n": 1}), ONE),
        keyed(Asked(address=ATLAS).put({"n": 2}), TWO),
        Asked(address=ATLAS).put({"n": 3}),
        keyed(Asked(address=ATLAS).put({"n": 4}), replace(ONE, request=str(UUID(int=13)))),
    )

    for at_once in (1, 10):
        await past.project(connection, at_once=at_once)

    rows = await connection.fetch(FIND)
    assert [tuple(row) for row in rows] == [
        (UUID(int=1), UUID(int=13), 4, 0, 1, None),
        (UUID(int=2), UUID(int=12), 2, 0, 3, "t"),
    ]
