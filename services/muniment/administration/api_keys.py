"""Keys over HTTP: made, listed, replaced and ended; a key's text is told when it is made only."""

from datetime import datetime

from muniment.administration.asks import NewKeyAsk, RotationAsk
from muniment.administration.guard import Guard, told
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonValue, Principal
from muniment.keys.side import Keys
from muniment.keys.store import UUID, ApiKey, KeyId, NewKey
from muniment.web.endpoints import Endpoint
from muniment.web.errors import object_missing
from muniment.web.http import Handler, Request, Response
from muniment.web.json_text import body_fault


class ApiKeys:
    """Answers requests about keys, and makes them for who has any."""

    def __init__(self, keys: Keys, guard: Guard) -> None:
        self._keys = keys
        self._guard = guard

    def handlers(self) -> dict[Endpoint, Handler]:
        """What answers each of the endpoints."""
        return {
            Endpoint.API_KEY: self._guard(self._answer_key),
            Endpoint.API_KEY_ROTATION: self._guard(self._rotate),
        }

    async def answer_list(self, request: Request, owner: Principal) -> Response:
        """The keys of an owner who exists, or one more of them."""
        if request.method != "POST":
            return told([shown(key) for key in await self._keys.store.list_of(owner)])
        asked = self._guard.read(NewKeyAsk, request)
        if isinstance(asked, Response):
            return asked
        made = await self._keys.store.create(
            owner, label=asked.label, expires_in_s=asked.expires_in_s
        )
        return told(with_text(made), status=201)

    async def _answer_key(self, request: Request, _: Principal) -> Response:
        id_ = _id_of(request)
        if id_ is None:
            return _missing(request)
        if request.method == "DELETE":
            key = await self._keys.store.revoke(id_)
            self._keys.forget()
        else:
            key = await self._keys.store.read(id_)
        return _missing(request) if key is None else told(shown(key))

    async def _rotate(self, request: Request, _: Principal) -> Response:
        id_ = _id_of(request)
        if id_ is None or (old := await self._keys.store.read(id_)) is None:
            return _missing(request)
        asked = self._guard.read(RotationAsk, request)
        if isinstance(asked, Response):
            return asked
        made = await self._keys.store.rotate(id_, overlap_s=asked.overlap_s)
        if made is None:
            ended: Fault = body_fault("", f"The key {old.prefix}… has ended: make a new one")
            return self._guard.refuse(request, (ended,))
        self._keys.forget()
        return told(with_text(made), status=201)


def shown(key: ApiKey) -> dict[str, JsonValue]:
    """A key as lists show it."""
    return {
        "id": key.id,
        "prefix": key.prefix,
        "principal": key.principal,
        "label": key.label,
        "created_at": key.created_at.isoformat(),
        "expires_at": _moment(key.expires_at),
        "revoked_at": _moment(key.revoked_at),
        "used_at": _moment(key.used_at),
    }


def with_text(made: NewKey) -> dict[str, JsonValue]:
    """A key that was just made, with its text."""
    return {**shown(made.key), "key": made.text}


def _id_of(request: Request) -> KeyId | None:
    id_ = request.target.id or ""
    return KeyId(id_) if UUID.fullmatch(id_) else None


def _missing(request: Request) -> Response:
    return object_missing("key", request.target.id or "")


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
