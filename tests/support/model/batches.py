"""`/batch` (section 16): its requests one after another, each on what the one before left."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

from tests.support.model.messages import ABSENT, Answer, Expected, Request, item_answer
from tests.support.model.world import Data, World, is_object

BATCH_MAX: Final = 25

Expect: TypeAlias = Callable[[World, Request, Answer], tuple[Expected, list[str]]]


def expect_batch(
    world: World, request: Request, answer: Answer, expect: Expect
) -> tuple[Expected, list[str]]:
    """The answers that are right, and what is wrong with the timestamps of those that came."""
    body: Data = request.body
    wanted: list[Data] = body["requests"]
    if len(wanted) > BATCH_MAX:  # BAT-6
        return Expected(status=400, errno=107, faults=[("body", "requests")]), []
    shown: list[Data] = answer.body.get("responses", []) if is_object(answer.body) else []
    answers = [item_answer(item) for item in shown]
    answers += [Answer(0, {}, None)] * (len(wanted) - len(answers))
    items: list[tuple[Request, Expected]] = []
    problems: list[str] = []
    for one, its_answer in zip(wanted, answers, strict=False):
        inner = _inner_request(request, _merged(body.get("defaults", {}), one))
        its_expected, its_problems = expect(world, inner, its_answer)
        items.append((inner, its_expected))
        problems += its_problems
    return Expected(status=200, items=items), problems


def _inner_request(outer: Request, one: Data) -> Request:
    """BAT-3, BAT-9, BAT-10: what it does not say is `GET`, and comes from the batch."""
    path, _, query = one["path"].partition("?")
    headers = {name: value for name, value in outer.headers.items() if name != "Content-Type"}
    return Request(
        user=outer.user,
        method=one.get("method", "GET"),
        path=unquote(path).removeprefix("/v1"),
        query=parse_qsl(query, keep_blank_values=True),
        headers={**headers, **one.get("headers", {})},
        body=one.get("body", ABSENT),
    )


def _merged(defaults: Any, one: Any) -> Any:
    """BAT-5: objects merge, the request's own values win."""
    if not (is_object(defaults) and is_object(one)):
        return one
    both = [name for name in one if name in defaults]
    return {**defaults, **one} | {name: _merged(defaults[name], one[name]) for name in both}
