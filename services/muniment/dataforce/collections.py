"""Collections of an orbit (contract section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from uuid_utils import uuid7

from muniment.dataforce import answers
from muniment.dataforce.asks import (
    CollectionChange,
    NewCollection,
    NewPlainCollection,
    read_body,
    read_uuid,
)
from muniment.dataforce.errors import (
    DataForceError,
    collection_missing,
    forbidden,
    orbit_missing,
)
from muniment.dataforce.pages import read_listing, write_cursor
from muniment.dataforce.roles import Right, orbit_role, organization_role, rights_of
from muniment.dataforce.store import DataForceStore, Found, texts_or_none
from muniment.dataforce.writing import carry_out, cause, json_response
from muniment.domain.addresses import collection
from muniment.domain.commands import Body, Create, Delete, FieldsPatch, Patch, on_behalf_of
from muniment.domain.events import ObjectChanged
from muniment.domain.values import JsonValue, Principal
from muniment.web.carrying_out import Carrier
from muniment.web.http import PREFIX, Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit:
    """The orbit that a request is about, whose user may do what it asks."""

    id: str
    uid: str


class Collections:
    """Answers requests about collections. Raises `DataForceError` and `Unavailable`."""

    def __init__(
        self,
        store: DataForceStore,
        carrier: Carrier,
        *,
        json_depth_max: int,
        keeps_nonempty: bool,
    ) -> None:
        self._store = store
        self._carrier = carrier
        self._json_depth_max = json_depth_max
        self._keeps_nonempty = keeps_nonempty

    async def list(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """GET of the listing: a page, or the plain array that older clients ask for."""
        ids = _ids(names)
        listing = read_listing(request.query, is_always_page=_is_newest(request))
        orbit = await self._orbit(ids, user, Right.LIST)
        found = await self._store.page(orbit.uid, orbit.id, listing)
        if listing.limit is None:
            return json_response([answers.collection(each, orbit.id) for each in found])
        shown = found[: listing.limit]
        cursor = None
        if len(found) > len(shown):
            last = shown[-1]
            assert last.value is not None  # noqa: S101 - pages have it
            cursor = write_cursor((last.value, last.id), listing.sort_by)
        items = [answers.collection(each, orbit.id) for each in shown]
        return json_response({"items": items, "cursor": cursor})

    async def tags(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """GET of all tags."""
        orbit = await self._orbit(_ids(names), user, Right.LIST)
        return json_response(await self._store.tags(orbit.uid))

    async def create(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """POST to the listing."""
        ids = _ids(names)
        asked = self._read_new(request)
        orbit = await self._orbit(ids, user, Right.CREATE)
        data: dict[str, JsonValue] = {
            "name": asked.name,
            "description": asked.description,
            "collection_type": asked.type,
        }
        if asked.tags is not None:
            data["tags"] = asked.tags
        create = Create(
            address=collection(orbit.id, str(uuid7())),
            id_from_client=False,
            body=Body(data=data),
            requester=on_behalf_of(user),
            cause=cause(request, user),
        )
        done = await carry_out(self._carrier, request, [create], missing=orbit_missing())
        made = Found(
            id=done.address.id,
            public_id=done.address.id,
            name=asked.name,
            description=asked.description,
            kind=asked.type,
            tags=asked.tags,
            total=0,
            created_at=done.occurred_at,
            updated_at=None,
        )
        return json_response(answers.collection(made, orbit.id))

    async def read(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """GET of one."""
        orbit, found = await self._one(names, user, Right.READ)
        return json_response(answers.details(found, orbit.id))

    async def update(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """PATCH of one: what is absent or null stays."""
        _collection_id(names)
        asked = read_body(CollectionChange, request.body, depth_max=self._json_depth_max)
        orbit, found = await self._one(names, user, Right.UPDATE)
        changes: dict[str, Any] = asked.model_dump(exclude_none=True)
        if not changes:
            return json_response(answers.collection(found, orbit.id))
        patch = Patch(
            address=collection(orbit.id, found.id),
            change=FieldsPatch(body=Body(data=changes)),
            requester=on_behalf_of(user),
            cause=cause(request, user),
        )
        done = await carry_out(self._carrier, request, [patch], missing=collection_missing())
        changed = replace(found, **_facts(done))
        return json_response(answers.collection(changed, orbit.id))

    async def delete(self, request: Request, names: Mapping[str, str], user: Principal) -> Response:
        """DELETE of one, and of all that is in it."""
        orbit, found = await self._one(names, user, Right.DELETE)
        if self._keeps_nonempty and found.total:
            raise DataForceError(409, "Collection has models and cant be deleted")
        delete = Delete(
            address=collection(orbit.id, found.id),
            requester=on_behalf_of(user),
            cause=cause(request, user),
        )
        await carry_out(self._carrier, request, [delete], missing=collection_missing())
        return Response(status=204)

    def _read_new(self, request: Request) -> NewCollection | NewPlainCollection:
        depth_max = self._json_depth_max
        if _is_newest(request):
            return read_body(NewCollection, request.body, depth_max=depth_max)
        return read_body(NewPlainCollection, request.body, depth_max=depth_max)

    async def _one(
        self, names: Mapping[str, str], user: Principal, right: Right
    ) -> tuple[Orbit, Found]:
        id_ = _collection_id(names)
        orbit = await self._orbit(_ids(names), user, right)
        found = await self._store.find(orbit.uid, orbit.id, id_)
        if found is None:
            raise collection_missing()
        return orbit, found

    async def _orbit(self, ids: tuple[str, str], user: Principal, right: Right) -> Orbit:
        """The orbit of the path; who asks is looked at before what is there (section 6)."""
        organization_id, orbit_id = ids
        access = await self._store.orbit_access(user, organization_id, orbit_id)
        role = organization_role(access.organization_groups)
        if role is None or right not in rights_of(role, orbit_role(access.orbit_groups)):
            raise forbidden()
        if access.orbit_uid is None:
            raise orbit_missing()
        return Orbit(id=orbit_id, uid=access.orbit_uid)


def _ids(names: Mapping[str, str]) -> tuple[str, str]:
    return (
        read_uuid(names["organization_id"], "organization_id"),
        read_uuid(names["orbit_id"], "orbit_id"),
    )


def _collection_id(names: Mapping[str, str]) -> str:
    return read_uuid(names["collection_id"], "collection_id")


def _is_newest(request: Request) -> bool:
    return request.raw_path.startswith(f"{PREFIX}/")


def _facts(event: ObjectChanged) -> dict[str, Any]:
    """What the change made of the fields that it can change, as `shown` in `store.sql` has them."""
    data: Any = event.after.data
    return {
        "name": answers.text_or(data.get("name"), event.address.id),
        "description": answers.text_or(data.get("description"), ""),
        "tags": texts_or_none(data.get("tags")),
        "updated_at": event.occurred_at,
    }
