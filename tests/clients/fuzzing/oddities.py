"""Makes a request odd: what it was is noted, and whether it can only be refused."""

import random
from collections import Counter
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote, urlsplit

import requests
from requests.auth import AuthBase

from tests.clients.fuzzing import odd_bodies, odd_queries
from tests.clients.fuzzing.cases import WRITES, AnyCase, has_revisions, is_filtered
from tests.clients.fuzzing.odd_batches import odd_batch
from tests.clients.fuzzing.odd_headers import BAD_IDS, BAD_TAGS, HEADERS

REFUSED_SHARE: Final = 0.5

_IDS: Final = frozenset(
    {"bucket_id", "group_id", "collection_id", "record_id", "account_id", "webhook_id"}
)


@dataclass(frozen=True, slots=True)
class Oddity:
    """What is odd about a case."""

    what: str
    is_refused: bool
    """Whether it can only be answered by a 4xx."""


noted: Final[dict[str, Oddity]] = {}
"""By the case's id."""
kinds: Final[Counter[str]] = Counter()


class Odd(AuthBase):
    """Edits the request as it is about to be sent, which Schemathesis would not let pass."""

    def __init__(self, case: AnyCase, chance: random.Random) -> None:
        self._case = case
        self._chance = chance
        self._is_refused = chance.random() < REFUSED_SHARE
        edits = (self._header, self._body, self._id, self._query, self._filter)
        self._edit = self._body if case.path == "/batch" else chance.choice(edits)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._edit(request)
        return request

    def _header(self, request: requests.PreparedRequest) -> None:
        name, value = self._chance.choice(HEADERS)
        cast("MutableMapping[str, bytes]", request.headers)[name] = value
        is_refused = (name, value) in BAD_TAGS and has_revisions(self._case)
        self._note("header", f"{name}: {value[:200]!r}", is_refused=is_refused)

    def _body(self, request: requests.PreparedRequest) -> None:
        text = self._chance.choice(odd_bodies.REFUSED if self._is_refused else odd_bodies.MAYBE)
        if self._case.path == "/batch" and not self._is_refused:
            text = odd_batch(self._chance)
        is_patch = self._case.method == "PATCH" and text.startswith(b"[")
        media_type = "application/json-patch+json" if is_patch else "application/json"
        request.body = text
        request.headers["Content-Type"] = media_type
        request.headers["Content-Length"] = str(len(text))
        is_refused = self._is_refused and self._case.method in WRITES
        self._note("body", repr(text[:2_000]), is_refused=is_refused)

    def _id(self, request: requests.PreparedRequest) -> None:
        ids = {name: quote(str(one), safe="") for name, one in self._case.path_parameters.items()}
        if not ids:
            return
        name, value = self._chance.choice(sorted(ids)), self._chance.choice(BAD_IDS)
        ids[name] = quote(value, safe="")
        _point(request, path="/v1" + self._case.path.format(**ids))
        # A snapshot of a collection that cannot be is empty (SNAP-4).
        is_refused = name in _IDS and "snapshot" not in self._case.path
        self._note("id", f"{name}={value[:200]!r}", is_refused=is_refused)

    def _query(self, request: requests.PreparedRequest) -> None:
        text = self._chance.choice(odd_queries.REFUSED if self._is_refused else odd_queries.MAYBE)
        _point(request, query=text)
        is_refused = self._is_refused and is_filtered(self._case)
        self._note("query", text[:200], is_refused=is_refused)

    def _filter(self, request: requests.PreparedRequest) -> None:
        text = "&".join(self._chance.sample(odd_queries.FILTERS, self._chance.randint(1, 4)))
        _point(request, query=text)
        self._note("filter", text, is_refused=False)

    def _note(self, kind: str, what: str, *, is_refused: bool) -> None:
        kinds[f"odd {kind}"] += 1
        noted[self._case.id] = Oddity(f"odd {kind}: {what}", is_refused)


def _point(request: requests.PreparedRequest, **parts: str) -> None:
    """Change parts of the URL as they stand."""
    request.url = urlsplit(str(request.url))._replace(**parts).geturl()
