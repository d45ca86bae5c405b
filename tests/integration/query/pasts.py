"""Histories for the query service, projected as they would be."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from muniment.domain.addresses import bucket, collection, record
from muniment.domain.commands import Requester, authenticated
from muniment.domain.values import Principal
from muniment.readmodel.connection import open_connection
from muniment.readmodel.migrate import migrate
from muniment.readmodel.projection.recording import Recording
from muniment.web.http import Response
from tests.support.deciding import NADIA, Asked
from tests.support.past import Past
from tests.support.querying import QueryService, json_of, query_service
from tests.support.stack import Stack

PIA: Final = authenticated(Principal("account:pia"))
WIM: Final = authenticated(Principal("account:wim"))

ATLAS: Final = bucket("atlas")
STATIONS: Final = collection("atlas", "stations")
ONE: Final = record("atlas", "stations", "one")
TWO: Final = record("atlas", "stations", "two")
NUMBER: Final = record("atlas", "stations", "12")
TRIPS: Final = collection("atlas", "trips")
TRIP: Final = record("atlas", "trips", "first")

HISTORY: Final = "/v1/buckets/atlas/history"


@contextmanager
def over(
    stack: Stack, past: Past, recording: Recording | None = None, *, at_once: int = 3
) -> Generator[QueryService]:
    """The query service over one past."""

    async def fill(url: str) -> None:
        async with open_connection(url, application="test") as connection:
            await migrate(connection)
            await past.project(connection, recording=recording, at_once=at_once)

    with query_service(stack, fill) as service:
        yield service


def uris_of(
    server: QueryService, path: str = HISTORY, requester: Requester = NADIA
) -> list[tuple[str, str]]:
    """What was done to what, the last of it first."""
    return [(entry["action"], entry["uri"]) for entry in server.data(path, requester)]


def faults(response: Response) -> list[tuple[str, str | None, str]]:
    assert response.status == 400, response.body
    details = json_of(response)["details"]
    return [(each["location"], each["name"], each["description"]) for each in details]


def a_past() -> Past:
    """Nadia's atlas; omar may read one record, pia the stations until they change their minds."""
    past = Past()
    past.happens(
        Asked(address=ATLAS).put({}, {"read": ["account:early"]}),
        Asked(address=STATIONS).put(
            {}, {"read": ["account:pia"], "record:create": ["account:omar"]}
        ),
        Asked(address=ONE).put({"n": 1, "name": "Bay"}, {"read": ["account:wim"]}),
        Asked(address=TWO).put({"n": 2}),
        Asked(address=ONE).patch({"n": 3}),
        Asked(address=STATIONS).patch(None, {"read": []}),
        Asked(address=ATLAS).patch(None, {"read": []}),
        Asked(address=ONE).patch(None, {"read": []}),
        Asked(address=NUMBER).put({"n": 4}),
        Asked(address=TWO).delete(),
    )
    past.happens(Asked(address=TWO).put({"n": 5}))
    return past
