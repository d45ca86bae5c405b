"""Plain HTTP as one user, for tests that say exactly what is sent and what comes back."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final, Self

import requests

TIMEOUT_S: Final = 15.0

EVERYONE: Final = {"read": ["system.Everyone"]}
IF_NONE: Final = {"If-None-Match": "*"}
MERGE_PATCH: Final = {"Content-Type": "application/merge-patch+json"}
JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}

Refusal = tuple[int, int]
"""HTTP status and errno."""


class Requester:
    """Calls `/v1…` paths as the user of that name; no name is the anonymous one."""

    def __init__(
        self,
        origin: str,
        name: str | None,
        password: str = "password",  # noqa: S107 - anybody's
    ) -> None:
        self.origin = origin
        self.name = name
        self._session = requests.Session()
        self._session.trust_env = False  # No proxy, no .netrc.
        if name is not None:
            self._session.auth = (name, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send it as it is; a body is sent as JSON."""
        return self._session.request(
            method,
            path if path.startswith("http") else f"{self.origin}{path}",
            json=body,
            headers=headers,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )

    def send(
        self,
        method: str,
        path: str,
        text: bytes,
        content_type: str | None = "application/json",
    ) -> requests.Response:
        """Send a body as it is written; `None` sends no Content-Type."""
        return self._session.request(
            method,
            f"{self.origin}{path}",
            data=text,
            headers={"Content-Type": content_type} if content_type else None,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )

    @cached_property
    def user_id(self) -> str:
        return str(self("GET", "/v1/").json()["user"]["id"])

    def close(self) -> None:
        self._session.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """The conformance table's cast, with a bucket that no other test has."""

    nadia: Requester
    """Owns the bucket."""
    omar: Requester
    """May do nothing, unless he is let."""
    anonymous: Requester
    bucket: str

    @property
    def collection(self) -> str:
        return f"{self.bucket}/collections/stations"

    @property
    def records(self) -> str:
        return f"{self.collection}/records"

    def path(self, template: str) -> str:
        """With the paths in the places of `{bucket}`, `{collection}` and `{records}`."""
        return template.format(bucket=self.bucket, collection=self.collection, records=self.records)

    def record(self, id_: str, fields: Mapping[str, Any] | None = None, **parts: Any) -> Any:
        """The record after nadia has PUT it."""
        answer = self.nadia("PUT", f"{self.records}/{id_}", {"data": dict(fields or {}), **parts})
        assert answer.ok, answer.text
        return answer.json()["data"]

    def fill(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """Make these records by one batch, in their order."""
        requests = [
            {"method": "PUT", "path": f"{self.records}/{id_}", "body": {"data": fields}}
            for id_, fields in records.items()
        ]
        items = data(self.nadia("POST", "/v1/batch", {"requests": requests}), "responses")
        assert [item["status"] for item in items] == [201] * len(requests)

    def grant(self, path: str, permissions: Mapping[str, Requester]) -> None:
        """Let each have their permission on nadia's object, and nobody else."""
        named = {permission: [who.user_id] for permission, who in permissions.items()}
        answer = self.nadia("PATCH", path, {"permissions": named})
        assert answer.ok, answer.text

    def revision(self) -> int:
        """The timestamp of the list of records."""
        return revision(self.nadia("HEAD", self.records))


def at_once(*calls: Callable[[], requests.Response]) -> list[requests.Response]:
    """The answers to calls that are under way at the same time, in their order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [asked.result() for asked in [pool.submit(call) for call in calls]]


def basicauth_id(name: str, *, secret: bytes = b"") -> str:
    """The user id that the policy `basicauth` makes of the name (AUTH-3)."""
    digest = hmac.new(secret, f"{name}:password".encode(), hashlib.sha256).hexdigest()
    return f"basicauth:{digest}"


def revision(answer: requests.Response) -> int:
    """The number in the ETag."""
    return int(answer.headers["ETag"].strip('"'))


def refusal(answer: requests.Response) -> Refusal:
    """Status and errno of an error, whose body has the form that all errors have."""
    body = answer.json()
    assert body["code"] == answer.status_code
    assert body["error"]
    return answer.status_code, body["errno"]


def data(answer: requests.Response, name: str = "data") -> Any:
    """What it carries; it must not be an error."""
    assert answer.ok, answer.text
    return answer.json()[name]


def ids(answer: requests.Response) -> list[str]:
    return [each["id"] for each in data(answer)]


def without(object_: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in object_.items() if name not in names}


def detail(answer: requests.Response) -> dict[str, Any]:
    """The first of the errors that a refused input has."""
    assert refusal(answer) == (400, 107)
    first: dict[str, Any] = answer.json()["details"][0]
    return first


def directives(answer: requests.Response) -> set[str]:
    """What `Cache-Control` says."""
    return {each.strip() for each in answer.headers["Cache-Control"].split(",")}


def names_in(answer: requests.Response, header: str) -> set[str]:
    """The names of a header that is a list of them."""
    return {each.strip() for each in answer.headers[header].split(",")}


def expires_after_s(answer: requests.Response) -> float:
    """Seconds between when it was sent and when it expires."""
    sent, expires = (parsedate_to_datetime(answer.headers[name]) for name in ("Date", "Expires"))
    return (expires - sent).total_seconds()


def quoted(number: int) -> str:
    return f'"{number}"'
