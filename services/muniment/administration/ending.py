"""The end of a project, an organization or an orbit that an administrator asks for."""

from dataclasses import replace

from muniment.administration.roster import Roster
from muniment.domain.commands import Requester
from muniment.domain.values import Principal
from muniment.keys.tenants import Tenants
from muniment.web.commands import cause_of
from muniment.web.http import Request, Response


class Ending:
    """Ends them, and leaves alone what others have made under their ids; raises `Unavailable`."""

    def __init__(self, *, roster: Roster, tenants: Tenants) -> None:
        self._roster = roster
        self._tenants = tenants

    async def end(
        self, request: Request, id_: str, *, actor: Principal, requester: Requester
    ) -> Response | None:
        """Delete one with all that is in it, for the `requester`, as an act of the `actor`.

        Another instance's answer to the request is handed on.
        """
        return await self._tenants.end(
            request,
            id_,
            requester=requester,
            cause=replace(cause_of(request), actor=actor),
            keeps_bucket=await self._roster.is_anothers(id_),
        )
