"""The queue in front of an owner: bounded groups, first in, first out."""

import asyncio

import pytest

from muniment.command.queue import CommandQueue
from muniment.command.waiting import Flush, NotOwner, Unavailable, Waiting
from muniment.domain.events import Cause


def waiting(size_bytes: int = 0) -> Waiting:
    return Waiting(Flush(cause=Cause(actor=None, request_id="r")), size_bytes=size_bytes)


async def test_what_waits_is_taken_together_in_its_order() -> None:
    queue = CommandQueue(commands_max=10)
    waits = [waiting() for _ in range(3)]
    for each in waits:
        queue.put(each)

    assert await queue.take(commands_max=10, bytes_max=100) == waits
    assert len(queue) == 0


async def test_a_group_is_bounded_in_number() -> None:
    queue = CommandQueue(commands_max=10)
    waits = [waiting() for _ in range(3)]
    for each in waits:
        queue.put(each)

    assert await queue.take(commands_max=2, bytes_max=100) == waits[:2]
    assert await queue.take(commands_max=2, bytes_max=100) == waits[2:]


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        pytest.param([60, 40, 1], 2, id="up-to-the-bound"),
        pytest.param([60, 41], 1, id="over-the-bound"),
        pytest.param([500, 1], 1, id="one-that-exceeds-it-goes-alone"),
    ],
)
async def test_a_group_is_bounded_in_bytes(sizes: list[int], taken: int) -> None:
    """But one is always taken, else it would block all that come after it."""
    queue = CommandQueue(commands_max=10)
    for size in sizes:
        queue.put(waiting(size))

    assert len(await queue.take(commands_max=10, bytes_max=100)) == taken


async def test_a_full_queue_takes_no_more() -> None:
    """503 rather than a queue without an end."""
    queue = CommandQueue(commands_max=1)
    queue.put(waiting())

    with pytest.raises(Unavailable):
        queue.put(waiting())


async def test_a_take_waits_for_the_first() -> None:
    queue = CommandQueue(commands_max=10)
    taking = asyncio.create_task(queue.take(commands_max=10, bytes_max=100))
    await asyncio.sleep(0)

    queue.put(first := waiting())

    assert await taking == [first]


async def test_a_closed_queue_gives_what_waits_and_then_nothing() -> None:
    """What was accepted is finished."""
    queue = CommandQueue(commands_max=10)
    queue.put(first := waiting())
    queue.close()

    with pytest.raises(NotOwner):
        queue.put(waiting())
    assert await queue.take(commands_max=10, bytes_max=100) == [first]
    assert await queue.take(commands_max=10, bytes_max=100) == []


async def test_closing_wakes_who_waits() -> None:
    queue = CommandQueue(commands_max=10)
    taking = asyncio.create_task(queue.take(commands_max=10, bytes_max=100))
    await asyncio.sleep(0)

    queue.close()

    assert await taking == []


async def test_a_take_that_was_given_up_loses_nothing() -> None:
    """The owner gives up waiting when it is time to claim again."""
    queue = CommandQueue(commands_max=10)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await queue.take(commands_max=10, bytes_max=100)
    queue.put(first := waiting())

    assert await queue.take(commands_max=10, bytes_max=100) == [first]


async def test_draining_takes_all() -> None:
    queue = CommandQueue(commands_max=10)
    waits = [waiting() for _ in range(3)]
    for each in waits:
        queue.put(each)

    assert queue.drain() == waits
    assert queue.drain() == []
