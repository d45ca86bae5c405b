"""A CocoBase project of a running Muniment, and plain HTTP with its key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from tests.clients.requester import TIMEOUT_S, Requester
from tests.support.stack import new_name

Json = dict[str, Any]

GONE: Final = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project and its key."""

    origin: str
    id: str
    key: str
    session: requests.Session

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send it with the key, unless the headers have another one; a body is sent as JSON."""
        return self.session.request(
            method,
            f"{self.origin}{path}",
            json=body,
            headers={"x-api-key": self.key, "User-Agent": "plain", **(headers or {})},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )

    def send(
        self, method: str, path: str, text: bytes, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """The same with a body as it is."""
        return self.session.request(
            method,
            f"{self.origin}{path}",
            data=text,
            headers={"x-api-key": self.key, "User-Agent": "plain", **(headers or {})},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )

    def collection(self, name: str | None = None, **more: Any) -> Json:
        """A new collection."""
        answer = self("POST", "/collections/", {"name": name or f"c_{new_name()}", **more})
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        return made

    def document(self, collection: str, data: Json) -> Json:
        """A new document."""
        answer = self("POST", f"/collections/documents?collection={collection}", {"data": data})
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()
        return made

    def documents(self, collection: str, query: str = "") -> list[Json]:
        """A page of its documents."""
        answer = self("GET", f"/collections/{collection}/documents?{query}")
        assert answer.status_code == 200, answer.text
        found: list[Json] = answer.json()
        return found

    def data(self, collection: str, query: str = "") -> list[Any]:
        """The same without the envelopes."""
        return [one["data"] for one in self.documents(collection, query)]

    def names(self, collection: str, query: str = "") -> set[str]:
        """The field `n` of all documents that the query finds."""
        return {one["n"] for one in self.data(collection, query)}


def new_project(admin: Requester, name: str = "Atlas") -> Project:
    """A project of its own."""
    made = admin("POST", "/v1/__projects__", {"name": name})
    assert made.status_code == 201, made.text
    told = made.json()["data"]
    session = requests.Session()
    session.trust_env = False
    return Project(origin=admin.origin, id=told["id"], key=told["key"]["key"], session=session)


def detail_of(answer: requests.Response) -> Any:
    """What an error says."""
    body = answer.json()
    assert list(body) == ["detail"]
    return body["detail"]


def wrapped(body: Any, *, is_wrapped: bool) -> Any:
    """In the layer that the newest Python client puts around bodies, or without."""
    return {"data": body} if is_wrapped else body
