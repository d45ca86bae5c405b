"""What answers GET and HEAD: of objects by one part, of lists by another."""

from muniment.domain.permissions import Granted
from muniment.query.answers import Headers
from muniment.query.lists import ListReads
from muniment.query.objects import ObjectReads
from muniment.query.store import Store
from muniment.readmodel.lists.selection import Limits
from muniment.web.cache import CachePolicy
from muniment.web.errors import Errors
from muniment.web.http import Request, Response


class Reads:
    """Reads of buckets, groups, collections and records; raises `Unavailable`."""

    def __init__(
        self,
        store: Store,
        *,
        granted: Granted,
        cache: CachePolicy,
        errors: Errors,
        limits: Limits,
    ) -> None:
        headers = Headers(policy=cache)
        self._objects = ObjectReads(store, granted=granted, headers=headers, errors=errors)
        self._lists = ListReads(
            store, granted=granted, headers=headers, errors=errors, limits=limits
        )

    async def handle(self, request: Request) -> Response:
        """The answer; routed requests of resources only."""
        if request.target.is_list:
            return await self._lists.handle(request)
        return await self._objects.handle(request)
