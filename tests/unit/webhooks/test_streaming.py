"""Streams of events: how many of them there may be."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import pytest

from muniment.domain.commands import ANONYMOUS, Requester
from muniment.domain.values import Uid
from muniment.log.protocol import Offset
from muniment.readmodel.feed import Watching, WatchLost
from muniment.web.http import Headers, Request, Response
from muniment.web.pipeline import Unavailable
from muniment.web.streams import Send, Stream
from muniment.webhooks.management.pulling import Pulling
from muniment.webhooks.management.store import EndpointStatus
from muniment.webhooks.management.streaming import Streaming, StreamLimits


class NothingToPull:
    """What is asked of the log before the first byte is sent."""

    async def endpoint(self, _request: Request, _status: EndpointStatus) -> None:
        await asyncio.sleep(0)

    async def end_of(self, _partition: int) -> Offset:
        await asyncio.sleep(0)
        return Offset(0)


class Reader:
    """Takes one part, and the next one never."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()

    async def take(self, _part: bytes) -> None:
        self.has_begun.set()
        await asyncio.Event().wait()


async def allow(_request: Request) -> Response | None:
    await asyncio.sleep(0)
    return None


async def identify(_headers: Headers) -> Requester:
    await asyncio.sleep(0)
    return ANONYMOUS


def watch(_bucket_id: str, _uid: Uid) -> AbstractAsyncContextManager[Watching]:
    """The log is away."""
    raise WatchLost


async def stream_of(streaming: Streaming) -> Stream:
    answer = await streaming.answer(*cast("Any", (None, _Status, Offset(0))))
    assert answer.stream is not None
    return answer.stream


class _Status:
    partition = 0


async def test_those_who_come_at_the_same_moment_are_counted_too() -> None:
    """All were let in while none was open: the one too many ends in good order, and comes back."""
    streaming = Streaming(
        cast("Pulling", NothingToPull()),
        watch=watch,
        authorize=allow,
        identify=identify,
        limits=StreamLimits(open_max=1),
    )
    first, second = await stream_of(streaming), await stream_of(streaming)
    one, other = Reader(), Reader()
    telling = asyncio.create_task(_run(first, one.take))
    await one.has_begun.wait()

    await second(other.take)
    with pytest.raises(Unavailable):
        await stream_of(streaming)

    assert not other.has_begun.is_set()
    telling.cancel()
    await asyncio.wait([telling])
    await stream_of(streaming)


async def _run(stream: Stream, send: Send) -> None:
    await stream(send)
