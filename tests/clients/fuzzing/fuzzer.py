"""Runs Schemathesis in a process of its own, and tells what was asked and answered."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from tests.clients.fuzzing.checks import CHECKS
from tests.clients.fuzzing.serving import SEED
from tests.support.server import MunimentServer, environment
from tests.support.stack import new_name

ROOT: Final = Path(__file__).parents[3]
CONFIG: Final = Path(__file__).with_name("schemathesis.toml")

ALWAYS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    *(check.__name__ for check in CHECKS),
)
OF_DATA: Final = (
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "use_after_free",
    "ensure_resource_availability",
)
"""Which believe that what was generated is what was sent, as it is where nothing is odd."""

DEADLINE_S: Final = 3 * 3600
CHAINS_S: Final = 120
"""How long one process makes chains: each has to learn anew what leads to what."""
PROCESSES: Final = 2
"""How many make chains at once: most of the time goes into making up requests."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    exit_code: int = 0
    printed: str = ""
    statuses: Mapping[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    """Of each operation, how often there was which."""
    phases: Counter[str] = field(default_factory=Counter[str])
    odd: Counter[str] = field(default_factory=Counter[str])

    @property
    def examples(self) -> int:
        return sum(answers.total() for answers in self.statuses.values())

    @property
    def by_status(self) -> Counter[str]:
        return sum(self.statuses.values(), Counter[str]())

    def without_success(self) -> set[str]:
        """Operations that never did what they are for."""
        return {
            operation
            for operation, answers in self.statuses.items()
            if not any(status.startswith("2") for status in answers)
        }

    def joined(self, other: "Outcome") -> "Outcome":
        """Both together; the exit code and what was printed are those of the first that failed."""
        told = self if self.exit_code else other
        operations = {**self.statuses, **other.statuses}
        return Outcome(
            exit_code=told.exit_code,
            printed=told.printed,
            statuses={
                name: self.statuses.get(name, Counter()) + other.statuses.get(name, Counter())
                for name in operations
            },
            phases=self.phases + other.phases,
            odd=self.odd + other.odd,
        )


class Fuzzer:
    """Runs Schemathesis on one server."""

    def __init__(self, server: MunimentServer, folder: Path) -> None:
        self._server = server
        self._folder = folder

    def run(
        self,
        *phases: str,
        examples_max: int,
        checks: tuple[str, ...] = (*ALWAYS, *OF_DATA),
        paths: str = "",
        odd_share: float = 0,
        seed: int = SEED,
        users: str = "",
        time_max_s: int | None = None,
    ) -> Outcome:
        """`examples_max` is for each operation, or how many chains there are.

        `paths` is a regular expression that the paths of the document are searched for.
        `users` ends the names of those who ask: who run at once don't take from each other.
        With `time_max_s` chains are begun anew until that has passed.
        """
        tally = self._folder / f"{new_name()}.json"
        told = {
            "FUZZING_SEED": str(seed),
            "FUZZING_ODD_SHARE": str(odd_share),
            "FUZZING_TALLY": os.fspath(tally),
            "FUZZING_USERS": users,
            "PYTHONPATH": os.fspath(ROOT),
        }
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", os.fspath(CONFIG)),
            *("run", f"{self._server.url}/__api__", "--no-color", "--continue-on-failure"),
            *("--seed", str(seed), "--phases", ",".join(phases), "--checks", ",".join(checks)),
            *("--max-examples", str(examples_max)),
            *(("--include-path-regex", paths) if paths else ()),
            *(("--max-time", str(time_max_s)) if time_max_s else ()),
        ]
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=environment({}) | told,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_S,
        )
        counted: dict[str, dict[str, int]] = orjson.loads(tally.read_bytes())
        outcome = Outcome(
            exit_code=done.returncode,
            printed=done.stdout,
            phases=Counter(counted.pop("phases")),
            odd=Counter(counted.pop("odd")),
            statuses={name: Counter(answers) for name, answers in counted.items()},
        )
        print(
            f"seed {seed}: {outcome.examples} examples, {dict(outcome.phases)},"
            f" {dict(sorted(outcome.by_status.items()))}"
        )
        return outcome

    def run_chains(self, *, requests_min: int, seed: int) -> Outcome:
        """Chains from seeds one after the other, until there were enough requests or a failure.

        One run cannot be long: Hypothesis ends it when something that it has seen before is
        answered otherwise, as a server with a memory does.
        """
        total = Outcome()
        with ThreadPoolExecutor(PROCESSES) as pool:
            while total.exit_code == 0 and total.phases["stateful"] < requests_min:
                seeds = range(seed, seed + PROCESSES)
                for outcome in pool.map(self._run_chains_of, seeds, map(str, range(PROCESSES))):
                    total = total.joined(outcome)
                seed = seeds.stop
        print(f"{total.phases['stateful']} requests in chains")
        return total

    def _run_chains_of(self, seed: int, users: str) -> Outcome:
        return self.run("stateful", examples_max=500, seed=seed, users=users, time_max_s=CHAINS_S)
