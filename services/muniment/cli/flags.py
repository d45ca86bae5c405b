"""Flags that commands have in common: written once, and given to each command that needs them."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, Signature
from typing import Any, Concatenate, ParamSpec, TypeVar

Made = TypeVar("Made")
Done = TypeVar("Done")
Own = ParamSpec("Own")


def with_flags(
    make: Callable[..., Made],
) -> Callable[[Callable[Concatenate[Made, Own], Done]], Callable[..., Done]]:
    """A decorator: the function's first argument becomes what `make` makes of flags.

    They are the function's flags from then on: arguments before its own, options after them.
    """
    shared = inspect.signature(make).parameters

    def decorate(command: Callable[Concatenate[Made, Own], Done]) -> Callable[..., Done]:
        _, *own = inspect.signature(command).parameters.values()

        @wraps(command)
        def run(**given: Any) -> Done:
            made = make(**{name: given.pop(name) for name in shared if name in given})
            return command(made, **given)  # type: ignore[call-arg]  # its own are all by name

        parameters = [
            *_of_kind(Parameter.POSITIONAL_OR_KEYWORD, [*shared.values(), *own]),
            *_of_kind(Parameter.KEYWORD_ONLY, [*own, *shared.values()]),
        ]
        # What Typer reads; the hints of the first argument may name what is imported late.
        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # (PEP 362)
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _of_kind(kind: object, parameters: Iterable[Parameter]) -> list[Parameter]:
    return [each for each in parameters if each.kind is kind]
