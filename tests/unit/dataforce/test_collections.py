"""What becomes of a call about a collection, with the read model and the log in memory."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import orjson
import pytest
from multidict import CIMultiDict

from muniment.dataforce.collections import Collections
from muniment.dataforce.errors import DataForceError
from muniment.dataforce.store import DataForceStore, Found, OrbitAccess
from muniment.domain.commands import Command
from muniment.domain.refusals import ObjectMissing
from muniment.domain.values import ON_BEHALF, Principal
from muniment.web.carrying_out import AnsweredElsewhere, Carrier, Decided
from muniment.web.http import Request, Response

USER = Principal("user:0199c455-21ee-74c6-b747-19a82f1a1e75")
NAMES = {name: str(uuid4()) for name in ("organization_id", "orbit_id", "collection_id")}
FOUND = Found(
    id=NAMES["collection_id"],
    public_id=NAMES["collection_id"],
    name="Mine",
    description="",
    kind="model",
    tags=None,
    total=0,
    created_at=1,
    updated_at=None,
)


class Orbit:
    """An orbit with one collection, in which the user owns everything."""

    def __init__(self, found: Found = FOUND) -> None:
        self.found = found

    async def orbit_access(self, *_: object) -> OrbitAccess:
        return OrbitAccess(organization_groups=["owners"], orbit_uid="uid", orbit_groups=[])

    async def find(self, *_: object) -> Found:
        return self.found


class Answering:
    """Keeps what it is to carry out, and answers with what it was made with."""

    def __init__(self, answer: Sequence[Decided] | Response) -> None:
        self._answer = answer
        self.commands: list[Command] = []

    async def carry_out(
        self, request: Request, commands: Sequence[Command], **_: object
    ) -> Sequence[Decided] | Response:
        self.commands.extend(commands)
        return self._answer


def collections_of(
    orbit: Orbit, carrier: Answering, *, keeps_nonempty: bool = False
) -> Collections:
    return Collections(
        cast("DataForceStore", orbit),
        cast("Carrier", carrier),
        json_depth_max=10,
        keeps_nonempty=keeps_nonempty,
    )


def request_of(method: str, body: Any = None) -> Request:
    return Request(
        method=method,
        raw_path="/organizations/o/orbits/b/collections/c",
        headers=CIMultiDict(),
        body=b"" if body is None else orjson.dumps(body),
        base_url="http://localhost",
        id="r1",
    )


async def test_a_setting_keeps_collections_that_hold_something() -> None:
    """Section 5: the original's 409; nothing is ordered."""
    carrier = Answering([])
    collections = collections_of(Orbit(replace(FOUND, total=1)), carrier, keeps_nonempty=True)

    with pytest.raises(DataForceError) as refused:
        await collections.delete(request_of("DELETE"), NAMES, USER)

    assert refused.value.status == 409
    assert carrier.commands == []


async def test_what_is_ordered_names_the_user_and_needs_no_ace() -> None:
    """Section 7 was looked at before; the history tells who it was."""
    carrier = Answering([ObjectMissing(cast("Any", None))])
    collections = collections_of(Orbit(), carrier)

    with pytest.raises(DataForceError) as refused:
        await collections.update(request_of("PATCH", {"name": "n"}), NAMES, USER)

    assert (refused.value.status, refused.value.detail) == (404, "Collection not found")
    [command] = carrier.commands
    assert command.cause.actor == USER
    assert command.requester.user_id == USER
    assert ON_BEHALF in command.requester.principals


async def test_what_the_log_cannot_hold_is_told_in_form() -> None:
    """Section 6: the text of `/v1` is not this dialect's."""
    collections = collections_of(Orbit(), Answering(Response(status=413, body=b'{"errno":113}')))

    with pytest.raises(DataForceError) as refused:
        await collections.update(request_of("PATCH", {"name": "n"}), NAMES, USER)

    assert refused.value.status == 413


async def test_another_instances_answer_is_the_answer() -> None:
    """It was asked the whole request, so nothing is done besides."""
    collections = collections_of(Orbit(), Answering(Response(status=200, body=b"{}")))

    with pytest.raises(AnsweredElsewhere) as answered:
        await collections.update(request_of("PATCH", {"name": "n"}), NAMES, USER)

    assert answered.value.response.body == b"{}"
