"""How near to its deadline an attempt ends, whatever the receiver does.

    python -m tests.bench.webhook_deadlines

The aim is ±10 %; what drips fast enough is too large before that. Receivers and client share one
process here, so the figures are on the late side.
"""

import argparse
import asyncio
from collections.abc import Mapping
from typing import Final

import uvloop

from tests.support.certificates import Authority
from tests.support.peers import (
    DRIPS,
    HEADERS,
    Peer,
    hanging,
    listening,
    new_client,
)

ATTEMPTS: Final = 16
DEADLINES_S: Final = (1.0, 5.0, 15.0)
STALLED_HANDSHAKE: Final = "stalls in the handshake"


async def _measure(peers: Mapping[str, Peer], deadline_s: float, *, is_tls: bool) -> None:
    authority = Authority()
    context = authority.issue("127.0.0.1").server_context() if is_tls else None
    for name, peer in peers.items():
        stalls = name == STALLED_HANDSHAKE
        async with (
            listening(peer, context=None if stalls else context) as found,
            new_client(
                timeout_s=deadline_s, connect_timeout_s=deadline_s, authority=authority
            ) as client,
        ):
            url = found.url.replace("http:", "https:") if stalls else found.url
            answers = await asyncio.gather(
                *(client.post(url, HEADERS, b"{}") for _ in range(ATTEMPTS))
            )
        off = [answer.total_ms / 1000 / deadline_s - 1 for answer in answers]
        kinds = {f"{answer.failure}" for answer in answers}
        print(
            f"| {name} | {'tls' if is_tls else 'plain'} | {deadline_s:g} s |"
            f" {min(off):+.1%} | {max(off):+.1%} | {', '.join(kinds)} |"
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deadline", type=float, action="append", help="seconds")
    arguments = parser.parse_args()
    print(
        "| receiver | | deadline | earliest | latest | failure |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    for deadline_s in arguments.deadline or DEADLINES_S:
        await asyncio.gather(
            _measure(DRIPS, deadline_s, is_tls=False),
            _measure({**DRIPS, STALLED_HANDSHAKE: hanging}, deadline_s, is_tls=True),
        )


if __name__ == "__main__":
    uvloop.run(main())
