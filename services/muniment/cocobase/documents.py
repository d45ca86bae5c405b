"""The calls on documents (contract sections 5 to 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson
from uuid_utils import uuid4

from muniment.cocobase.bodies import Bodies
from muniment.cocobase.collections import CollectionCalls
from muniment.cocobase.errors import not_found, unprocessable
from muniment.cocobase.filters.parsing import parameter_name
from muniment.cocobase.listing import read_aggregation, read_condition, read_listing
from muniment.cocobase.projects import Projects
from muniment.cocobase.reading import DOCUMENT_NOT_FOUND, Reading
from muniment.cocobase.relations import Relations, read_shape
from muniment.cocobase.views import Collection, document_view
from muniment.cocobase.writing import Orders, Writing, check_key
from muniment.domain.addresses import is_valid_id
from muniment.domain.events import ObjectChanged
from muniment.domain.values import JsonObject
from muniment.web.http import Request, Response


class DocumentCalls:
    """Answers calls on documents; raises `CocoBaseError`, `AnsweredElsewhere`, `Unavailable`."""

    def __init__(
        self,
        *,
        projects: Projects,
        reading: Reading,
        writing: Writing,
        bodies: Bodies,
        collections: CollectionCalls,
        relations: Relations,
    ) -> None:
        self._projects = projects
        self._reading = reading
        self._writing = writing
        self._bodies = bodies
        self._collections = collections
        self._relations = relations

    async def create(self, request: Request, _: Mapping[str, str]) -> Response:
        """POST `/collections/documents?collection=…`."""
        project = await self._projects.of(request)
        name = _collection_named(request)
        document = self._bodies.new_document(request)
        check_key(request)  # Before there is a collection on its account.

        async def write(collection: Collection) -> Response:
            order = Orders(request, project).create_document(collection.id, str(uuid4()), document)
            event = await self._writing.carry_out_once(request, order)
            return Response(status=201, body=orjson.dumps(_new_view(event, collection)))

        return await self._collections.write_into(request, project, name, write)

    async def list(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}/documents`."""
        project = await self._projects.of(request)
        listing, shape = read_listing(request), read_shape(request)
        collection = await self._reading.collection(project, names["collection"], to="read")
        condition = await self._relations.related_condition(project, listing.condition)
        listing = replace(listing, condition=condition)
        if not shape.is_flat:
            return Response(body=await self._reading.documents(collection, listing))
        rows = await self._relations.rows(project, collection, listing, shape)
        return Response(body=orjson.dumps(rows))

    async def read(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}/documents/{document}`."""
        project = await self._projects.of(request)
        collection = await self._reading.collection(project, names["collection"], to="read")
        return Response(body=await self._reading.document(collection, names["document"]))

    async def update(self, request: Request, names: Mapping[str, str]) -> Response:
        """PATCH `/collections/{collection}/documents/{document}`."""
        project = await self._projects.of(request)
        patch = self._bodies.document_patch(request)
        collection = await self._reading.collection(project, names["collection"], to="update")
        id_ = _existing(names["document"])
        order = Orders(request, project).change_document(collection.id, id_, patch)
        event = await self._writing.carry_out_once(request, order)
        [view] = await self._changed_views(collection, [event])
        return Response(body=orjson.dumps(view))

    async def delete(self, request: Request, names: Mapping[str, str]) -> Response:
        """DELETE `/collections/{collection}/documents/{document}`."""
        project = await self._projects.of(request)
        collection = await self._reading.collection(project, names["collection"], to="delete")
        id_ = _existing(names["document"])
        order = Orders(request, project).delete_document(collection.id, id_)
        await self._writing.carry_out_once(request, order)
        told = {"status": "success", "message": "Document deleted successfully"}
        return Response(body=orjson.dumps(told))

    async def create_all(self, request: Request, names: Mapping[str, str]) -> Response:
        """POST `/collections/{collection}/batch/documents/create`."""
        project = await self._projects.of(request)
        documents = self._bodies.new_documents(request)
        orders = Orders(request, project)

        async def write(collection: Collection) -> Response:
            events = await self._writing.carry_out_all(
                request,
                [orders.create_document(collection.id, str(uuid4()), one) for one in documents],
            )
            return Response(body=orjson.dumps([_new_view(event, collection) for event in events]))

        return await self._collections.write_into(request, project, names["collection"], write)

    async def update_all(self, request: Request, names: Mapping[str, str]) -> Response:
        """POST `/collections/{collection}/batch/documents/update`."""
        project = await self._projects.of(request)
        patches = self._bodies.document_patches(request)
        collection = await self._reading.collection(project, names["collection"], to="update")
        orders = Orders(request, project)
        events = await self._writing.carry_out_all(
            request,
            [
                orders.change_document(collection.id, id_, patch)
                for id_, patch in patches.items()
                if is_valid_id(id_)
            ],
        )
        return Response(body=orjson.dumps(await self._changed_views(collection, events)))

    async def delete_all(self, request: Request, names: Mapping[str, str]) -> Response:
        """POST `/collections/{collection}/batch/documents/delete`."""
        project = await self._projects.of(request)
        ids = self._bodies.document_ids(request)
        collection = await self._reading.collection(project, names["collection"], to="delete")
        orders = Orders(request, project)
        events = await self._writing.carry_out_all(
            request,
            [orders.delete_document(collection.id, id_) for id_ in ids if is_valid_id(id_)],
        )
        count = len(events)
        told = {"status": "success", "message": f"{count} documents deleted", "count": count}
        return Response(body=orjson.dumps(told))

    async def count(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}/query/documents/count`."""
        project = await self._projects.of(request)
        collection = await self._reading.collection(project, names["collection"], to="read")
        condition = await self._relations.related_condition(project, read_condition(request))
        count = await self._reading.count(collection, condition)
        return Response(body=orjson.dumps({"count": count}))

    async def aggregate(self, request: Request, names: Mapping[str, str]) -> Response:
        """GET `/collections/{collection}/query/documents/aggregate`."""
        project = await self._projects.of(request)
        asked = read_aggregation(request)
        collection = await self._reading.collection(project, names["collection"], to="read")
        condition = await self._relations.related_condition(project, asked.condition)
        result = await self._reading.aggregate(collection, replace(asked, condition=condition))
        told = {
            "field": asked.field,
            "operation": asked.operation,
            "result": orjson.Fragment(result),
            "collection": collection.name,
        }
        return Response(body=orjson.dumps(told))

    async def _changed_views(
        self, collection: Collection, events: Sequence[ObjectChanged]
    ) -> Sequence[JsonObject]:
        """Changed documents as they were left; the read model knows when they were created."""
        ids = [event.address.id for event in events]
        created = await self._reading.created_at(collection, ids)
        return [
            document_view(
                event.address.id,
                event.after,
                collection,
                created_at=created.get(event.address.id, event.occurred_at),
                updated_at=event.occurred_at,
            )
            for event in events
        ]


def _new_view(event: ObjectChanged, collection: Collection) -> JsonObject:
    return document_view(
        event.address.id, event.after, collection, created_at=event.occurred_at, updated_at=None
    )


def _collection_named(request: Request) -> str:
    """The parameter `collection`."""
    given = [text for name, text in request.query if parameter_name(name) == "collection"]
    if not given:
        raise unprocessable(("query", "collection"), "Field required", "missing")
    return given[-1]


def _existing(id_: str) -> str:
    """The id, if any document could have it."""
    if not is_valid_id(id_):
        raise not_found(DOCUMENT_NOT_FOUND)
    return id_
