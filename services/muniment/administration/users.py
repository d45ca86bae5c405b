"""Users of organizations over HTTP, and their keys, for administrators."""

from muniment.administration.api_keys import ApiKeys, with_text
from muniment.administration.asks import NewNamed
from muniment.administration.guard import Guard, told
from muniment.domain.values import JsonValue, Principal
from muniment.keys.principals import user_principal
from muniment.keys.store import KeyStore, KeyUser
from muniment.web.endpoints import Endpoint
from muniment.web.errors import object_missing
from muniment.web.http import Handler, Request, Response


class Users:
    """Makes and lists users; every method raises `Unavailable`."""

    def __init__(self, *, guard: Guard, store: KeyStore, api_keys: ApiKeys) -> None:
        self._guard = guard
        self._store = store
        self._api_keys = api_keys

    def handlers(self) -> dict[Endpoint, Handler]:
        """What answers each of the endpoints."""
        return {
            Endpoint.API_USERS: self._guard(self._answer_list),
            Endpoint.API_USER: self._guard(self._answer_one),
            Endpoint.API_USER_KEYS: self._guard(self._answer_keys),
        }

    async def _answer_list(self, request: Request, _: Principal) -> Response:
        if request.method != "POST":
            return told([_shown(each) for each in await self._store.users()])
        asked = self._guard.read(NewNamed, request)
        if isinstance(asked, Response):
            return asked
        user, key = await self._store.add_user(asked.name, key_label=asked.label)
        return told({**_shown(user), "key": with_text(key)}, status=201)

    async def _answer_one(self, request: Request, _: Principal) -> Response:
        user = await self._store.user(request.target.id)
        return user_missing(request.target.id) if user is None else told(_shown(user))

    async def _answer_keys(self, request: Request, _: Principal) -> Response:
        user = await self._store.user(request.target.id)
        if user is None:
            return user_missing(request.target.id)
        return await self._api_keys.answer_list(request, user_principal(user.id))


def user_missing(id_: str | None) -> Response:
    """404."""
    return object_missing("user", id_ or "")


def _shown(user: KeyUser) -> dict[str, JsonValue]:
    return {"id": user.id, "name": user.name, "created_at": user.created_at.isoformat()}
