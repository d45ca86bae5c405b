"""`make bench-webhooks`: drains, latency and memory of the webhooks service; prints a table.

The dispatcher and the receiver are processes of their own, and events are appended to the log
directly. CPU seconds are those of dispatcher, Kafka and Postgres, the receiver left out. With
`--write` the table replaces the one in `docs/benchmarks.md`.
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
import uvloop

from muniment.domain.events import Event
from muniment.stack.embedded import EmbeddedStack, StackOptions
from tests.bench.webhook_client import bare
from tests.support.dispatching import SECRET_KEY, Feed, feeding, quantile
from tests.support.gates import Gate
from tests.support.stack import Stack
from tests.support.tally import Tally, tallying
from tests.unit.webhooks.building import record

PAGE: Final = Path(__file__).parents[3] / "docs" / "benchmarks.md"
MARKER: Final = "<!-- measured by make bench-webhooks -->"
END: Final = "<!-- end of what make bench-webhooks measured -->"
RECORDS: Final = 1_000
TEXT: Final = "x" * 100
EVENTS_PER_S: Final = 50
WARM_UP_SHARE: Final = 0.1
ENDPOINTS_OF_MEMORY: Final = 1_000

PER_S_MIN: Final = {1: 6_000.0, 10: 5_000.0}
CPU_S_MAX: Final = 0.15
P50_MS_MAX: Final = 10.0
P99_MS_MAX: Final = 40.0
RSS_MB_MAX: Final = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """One backlog delivered; the first tenth warms up and is not counted."""

    per_s: float
    dispatcher_cpu_s: float
    """Of 1,000 deliveries."""
    all_cpu_s: float


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="muniment-bench-", ignore_cleanup_errors=True) as name:
        # Postgres runs as another user where this is run by root.
        table = uvloop.run(_measured(Path(name) / "data", arguments))
    floor = bare(arguments.events)
    table += f"\nA bare client in the same run: {floor.per_second:,.0f} deliveries/s, "
    table += f"{floor.cpu_us / 1000:.3f} CPU s per 1,000.\n"
    print(table)
    if arguments.write:
        _write(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-webhooks ARGS=…", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="of each drain")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measuring of latency")
    parser.add_argument("--runs", type=int, default=3, help="of each; the median counts")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    return parser.parse_args()


async def _measured(data_dir: Path, arguments: argparse.Namespace) -> str:
    data_dir.parent.chmod(0o755)
    async with EmbeddedStack(data_dir, StackOptions()) as embedded:
        servers = [child.pid for child in embedded.children.living()]
        stack = Stack(embedded.kafka_url, embedded.postgres_url)
        rows: list[Gate] = []
        for endpoints in (1, 10):
            drains = [
                await _drain(stack, servers, endpoints, arguments.events)
                for _ in range(arguments.runs)
            ]
            middle = statistics.median_low([drain.per_s for drain in drains])
            drain = next(drain for drain in drains if drain.per_s == middle)
            cpu_s = f"; the dispatcher's CPU {drain.dispatcher_cpu_s:.3f} s"
            per_s = Gate(
                what=f"drain to {endpoints}",
                figure=drain.per_s,
                bound=PER_S_MIN[endpoints],
                unit="/s",
                is_floor=True,
            )
            rows += [per_s, _at_most(f"CPU of 1,000{cpu_s}", drain.all_cpu_s, CPU_S_MAX, "s")]
        latencies = [await _latency(stack, arguments.seconds) for _ in range(arguments.runs)]
        p50, p99 = (statistics.median_low(column) for column in zip(*latencies, strict=True))
        rows.append(_at_most(f"p50 at {EVENTS_PER_S} /s", p50, P50_MS_MAX, "ms"))
        rows.append(_at_most(f"p99 at {EVENTS_PER_S} /s", p99, P99_MS_MAX, "ms"))
        memory = f"memory with {ENDPOINTS_OF_MEMORY:,} endpoints (RSS)"
        rows.append(_at_most(memory, await _memory(stack), RSS_MB_MAX, "MB"))
    heading = ["| what | measured | aim | |", "|---|---|---|---|"]
    lines = [f"| {' | '.join(row.cells)} |" for row in rows]
    return "\n".join([_conditions(arguments), "", *heading, *lines, ""])


def _at_most(what: str, figure: float, bound: float, unit: str) -> Gate:
    return Gate(what=what, figure=figure, bound=bound, unit=unit)


# --- What is measured -----------------------------------------------------------------------------


async def _drain(stack: Stack, servers: Sequence[int], endpoints: int, events: int) -> Drain:
    async with _fed(stack) as (feed, tally):
        names = [f"c{number}" for number in range(endpoints)]
        await feed.open(*names)
        await feed.write(list(_told(names, events)))
        dispatcher = feed.dispatcher()
        warm = int(events * WARM_UP_SHARE)
        first = await _taken(tally, lambda taken: taken >= warm)
        ours, all_ = _cpu_s([dispatcher.process.pid]), _cpu_s(servers)
        began = time.monotonic()
        last = await _taken(tally, lambda taken: taken >= events + endpoints)
        took_s, made = time.monotonic() - began, last - first
        ours, all_ = _cpu_s([dispatcher.process.pid]) - ours, _cpu_s(servers) - all_
    return Drain(
        per_s=made / took_s,
        dispatcher_cpu_s=ours / made * 1000,
        all_cpu_s=(ours + all_) / made * 1000,
    )


async def _latency(stack: Stack, seconds: float) -> tuple[float, float]:
    """From the acknowledgement of an append to the request at the receiver, in milliseconds."""
    async with _fed(stack) as (feed, tally):
        await feed.open("c0")
        feed.dispatcher()
        await _taken(tally, lambda taken: taken == 1)
        acknowledged: dict[int, float] = {}
        began = time.monotonic()
        rounds = int(seconds * EVENTS_PER_S)
        for number in range(rounds):
            await asyncio.sleep(max(began + number / EVENTS_PER_S - time.monotonic(), 0))
            acknowledged |= await feed.write(list(_told(["c0"], 1)))
        await _taken(tally, lambda taken: taken >= rounds + 1)
        arrivals = tally.arrivals()["atlas/c0"]
    delays_ms = sorted((arrivals[at] - acked) * 1000 for at, acked in acknowledged.items())
    return quantile(delays_ms, 0.5), quantile(delays_ms, 0.99)


async def _memory(stack: Stack) -> float:
    """After each of many endpoints has had its first deliveries."""
    async with _fed(stack) as (feed, tally):
        names = [f"c{number}" for number in range(ENDPOINTS_OF_MEMORY)]
        await feed.open(*names)
        await feed.write(list(_told(names, 2 * len(names))))
        dispatcher = feed.dispatcher()
        await _taken(tally, lambda taken: taken >= 3 * len(names))
        return dispatcher.rss_mb()


async def _taken(tally: Tally, condition: Callable[[int], bool]) -> int:
    counts = await tally.until(lambda counts: condition(counts.taken))
    return counts.taken


@asynccontextmanager
async def _fed(stack: Stack) -> AsyncGenerator[tuple[Feed, Tally]]:
    with tallying(SECRET_KEY) as tally:
        async with feeding(stack, tally) as feed:
            yield feed, tally


def _told(names: Sequence[str], events: int) -> Iterable[Event]:
    """Changes of a thousand records in turn; a message has some 500 bytes."""
    for number in range(events):
        name = names[number % len(names)]
        yield record(f"r{number % RECORDS}", name, n=number, text=TEXT)


def _cpu_s(pids: Sequence[int]) -> float:
    """Of these processes and all below them, those that have ended included."""
    total = 0.0
    for pid in pids:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _conditions(arguments: argparse.Namespace) -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}; Kafka, Postgres (durable), "
        f"dispatcher and receiver on this machine; medians of {arguments.runs} runs, drains of "
        f"{arguments.events:,} events; load average at the end {os.getloadavg()[0]:.1f}."
    )


def _write(table: str) -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(MARKER)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{MARKER}\n\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
