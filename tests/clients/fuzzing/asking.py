"""Who asks, and after what: few users and few ids, so that requests meet each other."""

import base64
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import requests

from tests.clients.fuzzing.cases import AnyCase, headers_of, is_in_a_chain, members

_ENDING: Final = os.environ.get("FUZZING_USERS", "")
OWNER: Final = f"nadia{_ENDING}"

USERS: Final = ((OWNER, 0.8), (f"omar{_ENDING}", 0.93), ("", 1.0))
"""Who asks, with the upper bound of their share; no name is nobody."""

PASSWORD: Final = "secret"

PROVIDER: Final = "auth0"

SMALL_WORLD: Final[Mapping[str, Sequence[str]]] = {
    "bucket_id": ("atlas", "atlas", "atlas", "tides", "default"),
    "group_id": ("curators", "crew"),
    "collection_id": ("stations", "stations", "buoys"),
    "record_id": ("st-1", "st-2", "st-3"),
    "account_id": ("pia", "omar"),
    "webhook_id": ("hook-1", "hook-2"),
    "provider": (PROVIDER,),
}
"""Ids that many requests share: what one makes the others change, read and delete."""

PRINCIPALS: Final = (
    *("system.Everyone", "system.Authenticated", "account:pia", ""),
    "/buckets/atlas/groups/curators",
)

NOBODY: Final = "http://127.0.0.1:4/hook"
"""Where nobody listens."""

QUERIES: Final[Mapping[str, Sequence[str]]] = {
    "_since": ("0", '"0"', "1767000000000", "null"),
    "_before": ("0", '"1767000000000"', "1893456000000"),
    "_fields": ("id", "last_modified,id", ""),
    "_sort": ("id", "-last_modified", "-id,last_modified", ""),
    "callback": ("https://app.example.org/back#token=",),
}
"""What reads nearly always take; what the document allows is mostly refused by finer rules."""

ETAGS: Final = ("If-Match", "If-None-Match")

KNOWN_SHARE: Final = 0.8
SHARED_SHARE: Final = 0.3
CONDITIONAL_SHARE: Final = 0.2

_revisions: dict[str, str] = {}


def note_revision(case: AnyCase, etag: str) -> None:
    """Remember the `ETag` that a path had last."""
    _revisions[case.formatted_path] = etag


def plant(base_url: str) -> None:
    """Have the owner make what there is none of in the small world; the rest stays as it is."""
    readable = {"permissions": {"read": ["system.Authenticated"]}}
    answer = requests.post(
        f"{base_url}/batch",
        json={
            "defaults": {"method": "PUT", "headers": {"If-None-Match": "*"}, "body": readable},
            "requests": [{"path": path} for path in _planted()],
        },
        auth=(OWNER, PASSWORD),
        timeout=30,
    )
    answer.raise_for_status()


def _planted() -> Iterator[str]:
    bucket = "/buckets/atlas"
    yield bucket
    yield from (f"{bucket}/groups/{name}" for name in SMALL_WORLD["group_id"])
    for collection in dict.fromkeys(SMALL_WORLD["collection_id"]):
        yield f"{bucket}/collections/{collection}"
        yield from (
            f"{bucket}/collections/{collection}/records/{name}" for name in SMALL_WORLD["record_id"]
        )


def ask_as_somebody(case: AnyCase, chance: random.Random) -> None:
    """Give the request its user."""
    share = chance.random()
    name = next(name for name, bound in USERS if share < bound)
    if name:
        credentials = base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()
        headers_of(case)["Authorization"] = f"Basic {credentials}"


def stay_in_small_world(case: AnyCase, chance: random.Random) -> None:
    """Make of a good request one that is likely to find something, and stays good."""
    _use_known_ids(case, chance)
    _call_nobody(case)
    _use_known_queries(case, chance)
    _share_with_others(case, chance)
    _ask_of_known_revision(case, chance)
    if chance.random() < KNOWN_SHARE:
        # Few: what is asked again is not done again.
        headers_of(case).pop("Idempotency-Key", None)
    if case.method == "PATCH":
        is_list = isinstance(case.body, list)
        kinds = ("json-patch+json",) if is_list else ("json", "merge-patch+json")
        case.media_type = f"application/{chance.choice(kinds)}"


def _use_known_ids(case: AnyCase, chance: random.Random) -> None:
    if is_in_a_chain(case):
        return
    for name in case.path_parameters:
        if name in SMALL_WORLD and chance.random() < KNOWN_SHARE:
            case.path_parameters[name] = chance.choice(SMALL_WORLD[name])
    data, name = members(case, "data"), f"{case.path.rstrip('s').rpartition('/')[2]}_id"
    if "id" in data and name in SMALL_WORLD:
        # `default` is everybody's, and nobody's to make (DEF-11).
        ids = [known for known in SMALL_WORLD[name] if known != "default"]
        data["id"] = chance.choice([data["id"], *ids])


def _call_nobody(case: AnyCase) -> None:
    """Webhooks are made, but the world is left alone."""
    data = members(case, "data")
    if "url" in data and "webhooks" in case.path:
        data["url"] = NOBODY


def _use_known_queries(case: AnyCase, chance: random.Random) -> None:
    query: dict[str, Any] = case.query
    if chance.random() < KNOWN_SHARE:
        query.pop("_token", None)
        for name in QUERIES.keys() & query.keys():
            query[name] = chance.choice(QUERIES[name])


def _share_with_others(case: AnyCase, chance: random.Random) -> None:
    """Principals that mean somebody, where the document asks for any text."""
    for holders in members(case, "permissions").values():
        if isinstance(holders, list) and chance.random() < SHARED_SHARE:
            cast("list[str]", holders).append(chance.choice(PRINCIPALS))


def _ask_of_known_revision(case: AnyCase, chance: random.Random) -> None:
    """Preconditions mostly fail, and then nothing else is tried: few, and some that hold."""
    is_conditional = chance.random() < CONDITIONAL_SHARE
    headers = headers_of(case)
    for name in ETAGS:
        if name in headers and not is_conditional:
            del headers[name]
    known = _revisions.get(case.formatted_path)
    if is_conditional and known is not None:
        headers[chance.choice(ETAGS)] = known
