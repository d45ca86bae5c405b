"""Buckets that are projects, organizations or orbits: made and ended in steps that can be repeated.

note what is wanted -> make the bucket -> note that it is there, with its first key

After a crash between two steps, asking for the same again goes on with what was begun.
"""

from collections.abc import Callable, Sequence
from typing import Final

from muniment.domain.addresses import bucket
from muniment.domain.commands import Command, Delete, Requester
from muniment.domain.decisions import Unchanged
from muniment.domain.events import Cause, ObjectChanged
from muniment.domain.refusals import ObjectMissing
from muniment.domain.values import Uid
from muniment.keys.side import Keys
from muniment.keys.store import NewTenant, Wanted
from muniment.web.carrying_out import Carrier, Decided
from muniment.web.http import Request, Response
from muniment.web.pipeline import Unavailable

TRIES_MAX: Final = 10
"""How often one is begun anew, where others ask for the same at the same time."""


class Tenants:
    """Makes and ends them. Every method raises `Unavailable`."""

    def __init__(self, keys: Keys, carrier: Carrier) -> None:
        self._keys = keys
        self._carrier = carrier

    async def make(
        self, request: Request, wanted: Wanted, commands: Callable[[str], Sequence[Command]]
    ) -> NewTenant | Response:
        """Make one, by the commands that make its bucket of that id, all of them creations.

        The bucket's own is the first. Another instance's answer to the request is handed on.
        """
        for _ in range(TRIES_MAX):
            id_ = await self._keys.store.begin_tenant(self._carrier.make_bucket_id(), wanted)
            done = await self._carrier.carry_out(request, commands(id_))
            if isinstance(done, Response):
                return done
            _expect(done, ObjectChanged, Unchanged)
            if made := await self._keys.store.finish_tenant(id_, _life_of(done[0]), wanted):
                return made
            # Somebody who asked for the same at the same time has finished that one.
        message = f"too many ask for the same {wanted.kind} at once"
        raise Unavailable(message)

    async def end(
        self,
        request: Request,
        id_: str,
        *,
        requester: Requester,
        cause: Cause,
        keeps_bucket: bool = False,
    ) -> Response | None:
        """Delete one with all that is in it, also where the bucket is gone already; end its keys.

        With `keeps_bucket` that of its id is another's by now. Another instance's answer to the
        request is handed on.
        """
        if not keeps_bucket:
            delete = Delete(address=bucket(id_), requester=requester, cause=cause)
            done = await self._carrier.carry_out(request, [delete])
            if isinstance(done, Response):
                return done
            _expect(done, ObjectChanged, ObjectMissing)
        await self._keys.store.end_tenant(id_)
        self._keys.forget()
        return None


def _life_of(made: Decided) -> Uid:
    """Of the bucket that was made, or had been."""
    uid = made.existing.uid if isinstance(made, Unchanged) else None
    if isinstance(made, ObjectChanged):
        uid = made.bucket_uid
    if uid is None:
        raise TypeError(made)
    return uid


def _expect(done: Sequence[Decided], *kinds: type[Decided]) -> None:
    """Whoever orders it may: anything else is a fault of ours."""
    for outcome in done:
        if not isinstance(outcome, kinds):
            raise TypeError(outcome)
