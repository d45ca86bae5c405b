"""What Schemathesis does not know by itself: who asks, what is odd, what every answer has.

Runs in Schemathesis' own process. What is chosen by chance is chosen by the request itself and
the seed: the same request is made odd in the same way again.
"""

import atexit
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import orjson
import schemathesis
from schemathesis import HookContext, Response
from schemathesis.core.failures import Failure

from tests.clients.fuzzing.asking import (
    ask_as_somebody,
    note_revision,
    plant,
    stay_in_small_world,
)
from tests.clients.fuzzing.cases import AnyCase, headers_of, is_negative
from tests.clients.fuzzing.checks import CHECKS
from tests.clients.fuzzing.oddities import Odd, kinds, noted
from tests.clients.fuzzing.wordless import is_ours

Function = TypeVar("Function", bound=Callable[..., object])


def _hook(function: Function) -> Function:
    """Called by Schemathesis at the moment that the function is named after."""
    return cast("Any", schemathesis).hook(function)  # type: ignore[no-any-return] # it does


SEED: Final = os.environ["FUZZING_SEED"]
ODD_SHARE: Final = float(os.environ["FUZZING_ODD_SHARE"])
TALLY: Final = Path(os.environ["FUZZING_TALLY"])
"""Where it is told what was asked and answered: phases, oddities, statuses of operations."""

PLANTED_EVERY: Final = 50
"""Requests; what others have deleted by then is made again."""

phases: Final[Counter[str]] = Counter()
tally: Final[dict[str, Counter[str]]] = {"phases": phases, "odd": kinds}


for check in CHECKS:
    schemathesis.check(check)


@_hook
def before_call(context: HookContext, case: AnyCase, kwargs: dict[str, Any]) -> None:
    if sum(phases.values()) % PLANTED_EVERY == 0:
        plant(str(case.operation.schema.get_base_url()))
    if case.meta is not None:
        phases[case.meta.phase.name.value] += 1
    chance = _chance_of(case)
    ask_as_somebody(case, chance)
    if not is_negative(case):
        stay_in_small_world(case, chance)
    if chance.random() < ODD_SHARE:
        kwargs["auth"] = Odd(case, chance)


@_hook
def after_call(context: HookContext, case: AnyCase, response: Response) -> None:
    is_documented = case.method == case.operation.method.upper()
    label = case.operation.label if is_documented else "other methods"
    answers = tally.setdefault(label, Counter())
    answers[str(response.status_code)] += 1
    if "etag" in response.headers:
        note_revision(case, response.headers["etag"][0])


@_hook
def filter_failure(
    context: HookContext, failure: Failure, case: AnyCase, response: Response
) -> bool:
    """Say what was odd, which the generated case does not show."""
    if case.id in noted and noted[case.id].what not in failure.message:
        failure.message += f"\n\n{noted[case.id].what}"
    return is_ours(failure, case, response)


def _chance_of(case: AnyCase) -> random.Random:
    headers = sorted(headers_of(case).items())
    facts = (SEED, case.method, case.path, case.path_parameters, case.query, headers, case.body)
    return random.Random(repr(facts))


@atexit.register
def _tell() -> None:
    TALLY.write_bytes(orjson.dumps(tally))
