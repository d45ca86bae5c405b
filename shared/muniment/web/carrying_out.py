"""How those who read requests in another form than `/v1`'s have their commands decided."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from muniment.domain.commands import Command
from muniment.domain.decisions import Unchanged
from muniment.domain.events import ObjectChanged
from muniment.domain.refusals import Refusal
from muniment.web.http import Request, Response

Decided: TypeAlias = ObjectChanged | Unchanged | Refusal
"""What became of one command."""


class AnsweredElsewhere(Exception):
    """The owner is another instance: what it answered to the whole request."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


class Carrier(Protocol):
    """The command side, as dialects and administration see it."""

    async def carry_out(
        self, request: Request, commands: Sequence[Command], *, as_whole: bool = False
    ) -> Sequence[Decided] | Response:
        """Have the commands of one bucket decided one after another, and happen as one.

        Answers with what became of each, as soon as reads show it. `as_whole`: if one is refused
        none happens, and the answer holds that refusal alone; one for an object that is not there
        does not count. Another instance's answer to
        the request itself comes back where that one owns the bucket's stream: whoever orders
        must do nothing before that may not be done twice. A `Response` is handed on as it is.

        One command alone may have the key of its request (`named_by_key`): then a repeat answers
        with what became of it at first.

        Raises `Unavailable`.
        """
        ...

    def make_bucket_id(self) -> str:
        """A new id for a bucket, a UUID version 7, whose stream is owned here if any is.

        So a request that makes a bucket is not sent on. Raises `Unavailable`.
        """
        ...
