"""The calls on collections (contract section 4)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import orjson
from uuid_utils import uuid4

from muniment.cocobase.bodies import Bodies, CollectionFields
from muniment.cocobase.errors import bad_request
from muniment.cocobase.names import Names, name_fault
from muniment.cocobase.projects import Project, Projects
from muniment.cocobase.reading import Reading
from muniment.cocobase.views import Collection, changed
from muniment.cocobase.writing import CollectionGone, Orders, TakenName, Writing
from muniment.domain.events import ObjectChanged
from muniment.domain.values import JsonValue
from muniment.web.http import Request, Response

PERMISSIONS: Final = "permissions"
TRIES_MAX: Final = 10
"""How often a collection is looked for or made anew, where others make and delete it meanwhile."""

Written: TypeAlias = Awaitable[Response]
"""What a call answers once its documents are written."""


class CollectionCalls:
    """Answers calls on collections; raises `CocoBaseError`, `AnsweredElsewhere`, `Unavailable`."""

    def __init__(
        self,
        *,
        projects: Projects,
        reading: Reading,
        writing: Writing,
        bodies: Bodies,
        names: Names,
    ) -> None:
        self._projects = projects
        self._reading = reading
        self._writing = writing
        self._bodies = bodies
        self._names: Names = names

    async def create(self, request: Request, _: Mapping[str, str]) -> Response:
        """POST `/collections/`."""
        project = await self._projects.of(request)
        fields = self._bodies.new_collection(request)
        await self._reading.check(project)
        made = await self.make(request, project, fields.name or "", fields)
        return Response(status=201, body=orjson.dumps(made.view))

    async def list(self, request: Request, _: Mapping[str, str]) -> Response:
        """GET `/collections/`."""
        project = await self._projects.of(request)
        found = await self._reading.collections(project)
        return Response(body=orjson.dumps([one.view for one in found]))

    async def read(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}`."""
        project = await self._projects.of(request)
        found = await self._reading.collection(project, names["collection"])
        count = await self._reading.document_count(found)
        return Response(body=orjson.dumps({**found.view, "document_count": count}))

    async def update(self, request: Request, names: Mapping[str, str]) -> Response:
        """PATCH or POST `/collections/{collection}`."""
        project = await self._projects.of(request)
        fields = self._bodies.changed_collection(request)
        found = await self._reading.collection(project, names["collection"])
        change = self._change(fields)
        if change:
            order = Orders(request, project).change_collection(found.id, fields.name, change)
            event = await self._writing.carry_out_once(request, order)
            found = changed(found, event.after.data)
        return Response(body=orjson.dumps(found.view))

    async def delete(self, request: Request, names: Mapping[str, str]) -> Response:
        """DELETE `/collections/{collection}`."""
        project = await self._projects.of(request)
        found = await self._reading.collection(project, names["collection"])
        order = Orders(request, project).delete_collection(found.id)
        await self._writing.carry_out_once(request, order)
        return Response(status=204)

    async def write_into(
        self, request: Request, project: Project, name: str, write: Callable[[Collection], Written]
    ) -> Response:
        """Write new documents into a collection, made on the way if there is none (section 5)."""
        for _ in range(TRIES_MAX - 1):
            try:
                return await write(await self._find_or_make(request, project, name))
            except (TakenName, CollectionGone):
                # Several first documents at once: the others find what one of them has made. Or
                # it was deleted before there was anything in it.
                continue
        return await write(await self._find_or_make(request, project, name))

    async def _find_or_make(self, request: Request, project: Project, name: str) -> Collection:
        found = await self._reading.find_collection(project, name)
        if found is None:
            return await self.make(request, project, name, None)
        found.check("create")
        return found

    async def make(
        self, request: Request, project: Project, name: str, fields: CollectionFields | None
    ) -> Collection:
        """A new collection of this name."""
        self._check_name(name)
        data: dict[str, JsonValue] = {}
        if fields is not None and fields.webhook_url:
            data["webhook_url"] = fields.webhook_url
        if fields is not None and fields.permissions is not None:
            data[PERMISSIONS] = fields.permissions
        order = Orders(request, project).create_collection(str(uuid4()), name, data)
        # Made on the way it has no key: that is the first document's.
        carry_out = self._writing.carry_out if fields is None else self._writing.carry_out_once
        return _collection_of(await carry_out(request, order))

    def _change(self, fields: CollectionFields) -> dict[str, JsonValue]:
        change: dict[str, JsonValue] = {}
        if fields.name is not None:
            self._check_name(fields.name)
            change["name"] = fields.name
        if fields.webhook_url is not None:
            change["webhook_url"] = fields.webhook_url or None
        return change

    def _check_name(self, name: str) -> None:
        if fault := name_fault(name, self._names):
            raise bad_request(fault)


def _collection_of(event: ObjectChanged) -> Collection:
    return Collection(
        id=event.address.id,
        uid=event.collection_uid,
        data=event.after.data,
        created_at=event.occurred_at,
    )
