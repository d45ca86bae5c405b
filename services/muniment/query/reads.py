"""What answers GET and HEAD: each endpoint by a part of its own."""

from collections.abc import Mapping
from typing import Final

from muniment.domain.accounts import AccountRights
from muniment.domain.addresses import webhook
from muniment.domain.commands import Requester, joined
from muniment.domain.permissions import Granted, Right
from muniment.domain.queries.selection import Limits
from muniment.query.answers import Headers
from muniment.query.counters import Counters
from muniment.query.history import HistoryReads
from muniment.query.lists import ListReads
from muniment.query.objects import ObjectReads
from muniment.query.permissions import PermissionReads
from muniment.query.snapshots import Snapshots
from muniment.query.store import Store
from muniment.query.webhook_keys import WebhookKeys
from muniment.readmodel.principals import groups, members_for
from muniment.web.cache import CachePolicy
from muniment.web.endpoints import Endpoint
from muniment.web.errors import Errors
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import misrouted

_GROUPS: Final = f"SELECT {groups('$1::text[]')} AS groups"


class Reads:
    """Reads of all that is in the read model; raises `Unavailable`."""

    def __init__(
        self,
        store: Store,
        *,
        granted: Granted,
        accounts: AccountRights | None,
        has_webhooks: bool,
        cache: CachePolicy,
        errors: Errors,
        limits: Limits,
        answer_bytes_max: int,
    ) -> None:
        """`answer_bytes_max`: where an answer has no pages by size."""
        self._store = store
        headers = Headers(policy=cache)
        self._objects = ObjectReads(store, granted=granted, headers=headers, errors=errors)
        lists = ListReads(store, granted=granted, headers=headers, errors=errors, limits=limits)
        self._handlers: Final[Mapping[Endpoint, Handler]] = {
            Endpoint.OBJECT: self._objects.handle,
            Endpoint.LIST: lists.handle,
            Endpoint.PERMISSIONS: PermissionReads(
                store,
                granted=granted,
                accounts=accounts,
                has_webhooks=has_webhooks,
                errors=errors,
                limits=limits,
            ).handle,
            Endpoint.HISTORY: HistoryReads(store, errors=errors, limits=limits).handle,
            Endpoint.SNAPSHOT: Snapshots(store, errors=errors, bytes_max=answer_bytes_max).handle,
            Endpoint.COUNTERS: Counters(store).handle,
            Endpoint.WEBHOOK_KEYS: WebhookKeys(store).handle,
        }

    async def in_groups(self, requester: Requester) -> Requester:
        """The requester in all their groups, for the root view."""
        if requester.is_anonymous:
            return requester
        row = await self._store.read_object(_GROUPS, (members_for(requester),))
        return joined(requester, row["groups"])

    async def handle(self, request: Request) -> Response:
        """The answer; routed requests only."""
        return await self._handlers.get(request.target.endpoint, misrouted)(request)

    async def authorize_webhook(self, request: Request) -> Response | None:
        """Refuse who may not write the webhook that the request is about."""
        target = request.target
        address = webhook(target.bucket_id or "", target.id or "")
        return await self._objects.authorize(request, address, Right.WRITE)
