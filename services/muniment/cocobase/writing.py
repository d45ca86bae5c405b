"""Orders of CocoBase's calls, brought before the owner of the project's stream."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from muniment.cocobase.errors import CocoBaseError, not_found
from muniment.cocobase.projects import Project
from muniment.cocobase.reading import COLLECTION_NOT_FOUND, DOCUMENT_NOT_FOUND
from muniment.domain.addresses import Address, Kind, collection, record
from muniment.domain.commands import Body, Create, Delete, DocumentPatch, MergePatch, Patch
from muniment.domain.documents import parts_of
from muniment.domain.events import ObjectChanged
from muniment.domain.refusals import (
    CollectionMissing,
    Invalid,
    KeyReused,
    NameTaken,
    NotAllowed,
    ObjectMissing,
)
from muniment.domain.values import JsonObject
from muniment.web.carrying_out import AnsweredElsewhere, Carrier, Decided
from muniment.web.commands import cause_of, named_by_key
from muniment.web.errors import KEY_REUSED
from muniment.web.http import Request, Response
from muniment.web.request_keys import read_request_key

TOO_LARGE: Final = "The request changes more than one batch of the log can hold."


class TakenName(CocoBaseError):
    """Another collection of the project has the name: 400."""

    def __init__(self, name: str) -> None:
        super().__init__(400, f'A collection named "{name}" already exists.')


class CollectionGone(CocoBaseError):
    """The collection was there when the call began: 404."""

    def __init__(self) -> None:
        super().__init__(404, COLLECTION_NOT_FOUND)


class Orders:
    """The orders of one call, on behalf of its project."""

    def __init__(self, request: Request, project: Project) -> None:
        self._project = project
        self._cause = cause_of(request)

    def create_collection(self, id_: str, name: str, data: JsonObject) -> Create:
        """A new collection; the id is one that nobody has."""
        return Create(
            address=collection(self._project.bucket_id, id_),
            id_from_client=False,
            body=Body(data={**data, "name": name}),
            claimed_name=name,
            requester=self._project.requester,
            cause=self._cause,
        )

    def change_collection(self, id_: str, name: str | None, data: JsonObject) -> Patch:
        """Fields of a collection, `None` for those that go; a name that is given is claimed."""
        return Patch(
            address=collection(self._project.bucket_id, id_),
            change=MergePatch(body=Body(data=data)),
            claimed_name=name,
            requester=self._project.requester,
            cause=self._cause,
        )

    def delete_collection(self, id_: str) -> Delete:
        """A collection with all that is in it."""
        return self._delete(collection(self._project.bucket_id, id_))

    def create_document(self, collection_id: str, id_: str, document: JsonObject) -> Create:
        """A new document; the id is one that nobody has."""
        parts = parts_of(document)
        return Create(
            address=self._record(collection_id, id_),
            id_from_client=False,
            body=Body(data=parts.data, hidden=parts.hidden),
            requester=self._project.requester,
            cause=self._cause,
        )

    def change_document(self, collection_id: str, id_: str, patch: DocumentPatch) -> Patch:
        """A change of a document."""
        return Patch(
            address=self._record(collection_id, id_),
            change=patch,
            requester=self._project.requester,
            cause=self._cause,
        )

    def delete_document(self, collection_id: str, id_: str) -> Delete:
        """The end of a document."""
        return self._delete(self._record(collection_id, id_))

    def _delete(self, address: Address) -> Delete:
        return Delete(address=address, requester=self._project.requester, cause=self._cause)

    def _record(self, collection_id: str, id_: str) -> Address:
        return record(self._project.bucket_id, collection_id, id_)


class Writing:
    """Has orders carried out; raises `CocoBaseError` where they are refused, and `Unavailable`.

    Raises `AnsweredElsewhere` where another instance has answered the request.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def carry_out(self, request: Request, order: Create | Patch | Delete) -> ObjectChanged:
        """What came of one order."""
        [outcome] = await self._carry_out(request, [order])
        if isinstance(outcome, ObjectChanged):
            return outcome
        raise refused(outcome)

    async def carry_out_once(
        self, request: Request, order: Create | Patch | Delete
    ) -> ObjectChanged:
        """The same of the order that the request's `Idempotency-Key` names."""
        return await self.carry_out(request, named_by_key(request, order))

    async def carry_out_all(
        self, request: Request, orders: Sequence[Create | Patch | Delete]
    ) -> Sequence[ObjectChanged]:
        """What came of orders that happen as one, without those for documents that are not there.

        If one is refused for another reason none is carried out.
        """
        outcomes = await self._carry_out(request, orders) if orders else ()
        for outcome in outcomes:
            if not isinstance(outcome, ObjectChanged | ObjectMissing):
                raise refused(outcome)
        return [outcome for outcome in outcomes if isinstance(outcome, ObjectChanged)]

    async def _carry_out(
        self, request: Request, orders: Sequence[Create | Patch | Delete]
    ) -> Sequence[Decided]:
        outcomes = await self._carrier.carry_out(request, orders, as_whole=True)
        if not isinstance(outcomes, Response):
            return outcomes
        if outcomes.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise CocoBaseError(413, TOO_LARGE)
        raise AnsweredElsewhere(outcomes)


def check_key(request: Request) -> None:
    """Raises `CocoBaseError` (422) for an `Idempotency-Key` that cannot be one."""
    _, faults = read_request_key(request)
    if faults:
        raise CocoBaseError.of_faults(*faults)


def refused(outcome: object) -> CocoBaseError:
    """Why an order was not carried out. Raises `TypeError` for what is no refusal."""
    match outcome:
        case NotAllowed():
            return CocoBaseError(403, "The API key has no right to do this.")
        case Invalid(faults=faults):
            return CocoBaseError.of_faults(*faults)
        case KeyReused():
            return CocoBaseError.of_faults(KEY_REUSED)
        case NameTaken(name=name):
            return TakenName(name)
        case CollectionMissing():
            return CollectionGone()
        case ObjectMissing(address=address):
            is_record = address.kind is Kind.RECORD
            return not_found(DOCUMENT_NOT_FOUND if is_record else COLLECTION_NOT_FOUND)
        case _:
            raise TypeError(outcome)
