"""Bodies of CocoBase's calls: unwrapped, and checked for their form (contract section 2)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from muniment.cocobase.errors import CocoBaseError, bad_request, unprocessable
from muniment.domain.commands import DocumentPatch
from muniment.domain.documents import APPEND, REMOVE, parse_document_patch
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, JsonValue
from muniment.domain.webhooks.urls import URL_CHARS_MAX, destination_of
from muniment.web.http import Request
from muniment.web.json_text import NUL, parse_json
from muniment.web.media import content_type

DOCUMENTS_MAX: Final = 1000
"""That one batch creates."""
CHANGES_MAX: Final = 10_000
"""Documents that one batch updates or deletes; more fit no batch of the log anyway."""

_PATCH_PARTS: Final = frozenset({"data", REMOVE, APPEND})


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFields:
    """What is given of a collection; `None` for what is not."""

    name: str | None
    webhook_url: str | None
    permissions: JsonObject | None


class Bodies:
    """Reads bodies; raises `CocoBaseError` for those that have not the form of their call."""

    def __init__(self, *, json_depth_max: int) -> None:
        self._json_depth_max = json_depth_max

    def new_collection(self, request: Request) -> CollectionFields:
        """The body of a creation: a name must be there."""
        fields = _collection_fields(_unwrapped(self._object(request, names_collection=True)))
        if fields.name is None:
            raise unprocessable(("body", "name"), "Field required", "missing")
        return fields

    def changed_collection(self, request: Request) -> CollectionFields:
        """The body of an update."""
        return _collection_fields(_unwrapped(self._object(request, names_collection=True)))

    def new_document(self, request: Request) -> JsonObject:
        """The user's object, taken out of as many layers as its client puts around it."""
        body = self._object(request)
        document = _object_of(body["data"], ("body", "data")) if "data" in body else body
        # Python 1.5.0 wraps documents twice; of other clients it is a document of this shape.
        if request.headers.get("User-Agent", "").startswith("python-requests"):
            document = _unwrapped(document)
        if not document:
            raise bad_request("A document must not be empty.")
        return document

    def document_patch(self, request: Request) -> DocumentPatch:
        """What an update changes."""
        body = self._object(request)
        return _patch(_object_of(body["data"], ("body", "data")) if "data" in body else body)

    def new_documents(self, request: Request) -> Sequence[JsonObject]:
        """The documents of a batch, in their order."""
        given = _required(self._object(request), "documents")
        if not isinstance(given, list):
            raise unprocessable(("body", "documents"), "Input should be a valid list", "list_type")
        if not 1 <= len(given) <= DOCUMENTS_MAX:
            raise bad_request(f"A batch creates 1 to {DOCUMENTS_MAX} documents.")
        documents = [_object_of(one, ("body", "documents", i)) for i, one in enumerate(given)]
        if not all(documents):
            raise bad_request("A document must not be empty.")
        return documents

    def document_patches(self, request: Request) -> Mapping[str, DocumentPatch]:
        """Id to what is changed of that document."""
        given = _object_of(_required(self._object(request), "updates"), ("body", "updates"))
        if not given:
            raise bad_request("A batch updates one document at least.")
        _check_size(given)
        patches = {id_: _object_of(one, ("body", "updates", id_)) for id_, one in given.items()}
        return {id_: _patch(_patch_of_batch(patch)) for id_, patch in patches.items()}

    def document_ids(self, request: Request) -> Sequence[str]:
        """The ids of those to be deleted, each once."""
        given = _required(self._object(request), "document_ids")
        if not isinstance(given, list):
            where = ("body", "document_ids")
            raise unprocessable(where, "Input should be a valid list", "list_type")
        if not given:
            raise bad_request("A batch deletes one document at least.")
        _check_size(given)
        return list(dict.fromkeys(_text_of(id_, "document_ids", i) for i, id_ in enumerate(given)))

    def _object(self, request: Request, *, names_collection: bool = False) -> JsonObject:
        if content_type(request.headers) == "multipart/form-data":
            raise CocoBaseError(501, "Muniment keeps no files.")
        parsed = parse_json(request.body, depth_max=self._json_depth_max)
        if isinstance(parsed, Fault):
            if names_collection and parsed.description == NUL:
                raise bad_request("No name and no URL can hold the character U+0000.")
            raise unprocessable(("body",), parsed.description, "json_invalid")
        return _object_of(parsed, ("body",))


def _unwrapped(body: JsonObject) -> JsonObject:
    """What is in `data`, where that is an object and all there is."""
    inner = body.get("data")
    return inner if len(body) == 1 and isinstance(inner, Mapping) else body


def _object_of(value: JsonValue, loc: Sequence[str | int]) -> JsonObject:
    if not isinstance(value, Mapping):
        raise unprocessable(loc, "Input should be a valid dictionary", "dict_type")
    return value


def _text_of(value: JsonValue, *loc: str | int) -> str:
    if not isinstance(value, str):
        raise unprocessable(("body", *loc), "Input should be a valid string", "string_type")
    return value


def _check_size(given: Collection[object]) -> None:
    if len(given) > CHANGES_MAX:
        raise bad_request(f"A batch changes {CHANGES_MAX} documents at most.")


def _required(body: JsonObject, name: str) -> JsonValue:
    if name not in body:
        raise unprocessable(("body", name), "Field required", "missing")
    return body[name]


def _patch(given: JsonObject) -> DocumentPatch:
    if not given:
        raise bad_request("An update must not be empty.")
    patch = parse_document_patch(given)
    if isinstance(patch, Fault):
        raise unprocessable(("body", str(patch.name)), patch.description, "dict_type")
    return patch


def _patch_of_batch(given: JsonObject) -> JsonObject:
    """Both forms of a patch in a batch: the patch, or one with `data` beside the special keys."""
    inner = given.get("data")
    if _PATCH_PARTS.issuperset(given) and isinstance(inner, Mapping):
        return {**inner, **{name: given[name] for name in (REMOVE, APPEND) if name in given}}
    return given


def _collection_fields(body: JsonObject) -> CollectionFields:
    name, url, permissions = body.get("name"), body.get("webhook_url"), body.get("permissions")
    return CollectionFields(
        name=None if name is None else _text_of(name, "name"),
        webhook_url=None if url is None else _webhook_url(_text_of(url, "webhook_url")),
        permissions=None if permissions is None else _permissions(permissions),
    )


def _webhook_url(url: str) -> str:
    if url and destination_of(url) is None:
        raise bad_request(
            "webhook_url must be an absolute http or https URL with a host, without blanks, of "
            f"{URL_CHARS_MAX} characters at most."
        )
    return url


def _permissions(given: JsonValue) -> JsonObject:
    permissions = _object_of(given, ("body", "permissions"))
    for name, roles in permissions.items():
        where = ("body", "permissions", name)
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise unprocessable(where, "Input should be a valid list of strings", "list_type")
    return permissions
