"""Who ends waits for what was begun."""

import asyncio

from muniment.command.in_hand import InHand


async def test_it_is_empty_when_the_last_one_is_over() -> None:
    """Also of a batch, whose writes are requests within a request."""
    in_hand = InHand()
    with in_hand:
        with in_hand:
            waiting = asyncio.create_task(in_hand.until_empty())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()

    await waiting


async def test_nothing_begun_is_nothing_to_wait_for() -> None:
    await InHand().until_empty()


async def test_what_fails_is_over_as_well() -> None:
    in_hand = InHand()
    try:
        with in_hand:
            raise ValueError
    except ValueError:
        await in_hand.until_empty()
