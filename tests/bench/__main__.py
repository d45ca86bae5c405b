"""`make bench`: measure the whole product and the bare framework in one run; print a table.

Every scenario runs several times, taking turns, and the median run counts. With `--write` the
table replaces the one in `docs/benchmarks.md`.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
import uvloop

from muniment.stack import ports
from tests.bench.dialects import dialect_scenarios
from tests.bench.load import Measured, measure
from tests.bench.scenarios import COLLECTION, RECORD, RECORDS, Scenario, request, scenarios
from tests.support.server import running_server

PAGE: Final = Path(__file__).parents[2] / "docs" / "benchmarks.md"
MARKER: Final = "<!-- measured by make bench -->"
NEXT_HEADING: Final = "## "
READ_BACK_RECORDS: Final = 1_000
WARM_UP_S: Final = 2.0


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="muniment-bench-") as folder:
        table = uvloop.run(_measured(Path(folder) / "data", arguments.seconds, arguments.runs))
    print(table)
    if arguments.write:
        before, _, rest = PAGE.read_text().partition(MARKER)
        _, heading, after = rest.partition(NEXT_HEADING)
        PAGE.write_text(f"{before}{MARKER}\n\n{table}\n{heading}{after}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--runs", type=int, default=3, help="of each scenario; the median counts")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    return parser.parse_args()


async def _measured(data_dir: Path, seconds: float, runs: int) -> str:
    with running_server(data_dir, stack=None) as server, _bare() as bare_port:
        port = server.port
        await _prepare(port)
        record_ids = await _record_ids(port)
        plan = [*scenarios(record_ids), *await dialect_scenarios(server)]
        for scenario in plan:
            await _run(scenario, port, WARM_UP_S)
        rounds = [
            [
                (await _run(scenario, port, seconds), await _run(scenario, bare_port, seconds / 4))
                for scenario in plan
            ]
            for _ in range(runs)
        ]
    return _table(plan, rounds, seconds=seconds)


async def _run(scenario: Scenario, port: int, seconds: float) -> Measured:
    return await measure(
        scenario.make_request,
        port=port,
        connections=scenario.connections,
        seconds=seconds,
        status=scenario.status,
    )


async def _prepare(port: int) -> None:
    """A bucket and a collection with a schema, as collections in earnest have one."""
    schema = {
        "type": "object",
        "required": ["name", "kind"],
        "properties": {name: {"type": _json_type(value)} for name, value in RECORD.items()},
    }
    await _expect(port, request("PUT", "/v1/buckets/bench"), 201)
    await _expect(port, request("PUT", COLLECTION, {"data": {"schema": schema}}), 201)


async def _record_ids(port: int) -> list[str]:
    ids = [f"known-{number}" for number in range(READ_BACK_RECORDS)]
    for record_id in ids:
        await _expect(port, request("PUT", f"{RECORDS}/{record_id}", {"data": RECORD}), 201)
    return ids


async def _expect(port: int, wire: bytes, status: int) -> None:
    await measure(lambda _number: wire, port=port, connections=1, seconds=0, status=status)


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case str():
            return "string"
        case float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


@contextmanager
def _bare() -> Generator[int]:
    port = ports.pick(None)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.bare", str(port)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield port
    finally:
        process.kill()
        process.wait()


def _table(
    plan: Sequence[Scenario],
    rounds: Sequence[Sequence[tuple[Measured, Measured]]],
    *,
    seconds: float,
) -> str:
    lines = [
        _conditions(seconds, len(rounds)),
        "",
        "| scenario | connections | /s | p50 ms | p99 ms | bare handler /s | share of bare |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for number, scenario in enumerate(plan):
        ours = _median([each[number][0] for each in rounds])
        bare = _median([each[number][1] for each in rounds])
        lines.append(
            f"| {scenario.name} | {scenario.connections} | {ours.per_s:,.0f} | {ours.p50_ms:.1f} "
            f"| {ours.p99_ms:.1f} | {bare.per_s:,.0f} | {ours.per_s / bare.per_s:.2f} |"
        )
    return "\n".join([*lines, ""])


def _median(runs: Sequence[Measured]) -> Measured:
    """The run whose rate is the median."""
    middle = statistics.median_low([run.per_s for run in runs])
    return next(run for run in runs if run.per_s == middle)


def _conditions(seconds: float, runs: int) -> str:
    memory_gib = psutil.virtual_memory().total / 2**30
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; Kafka, "
        "Postgres, all services and the load generator on this machine; median of "
        f"{runs} runs of {seconds:g} s; load average at the end {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
