"""The dialects' lines of the table: writes and lists of 50, as their own clients send them."""

from typing import Final

from muniment.cli.operating import Operator
from muniment.runtime.settings import Settings
from tests.bench.load import measure
from tests.bench.scenarios import RECORD, Scenario, always, request
from tests.support.server import MunimentServer

LISTED: Final = 1_000
"""Documents, and collections, that lists are made of; those that are written go elsewhere."""
CONNECTIONS: Final = 16


async def dialect_scenarios(server: MunimentServer) -> list[Scenario]:
    """A project and an organization of their own, and what is measured in them."""
    settings = Settings(data_dir=server.data_dir, http_port=server.port)
    operator = Operator(settings=settings)
    return [*await _cocobase(operator, server.port), *await _dataforce(operator, server.port)]


async def _cocobase(operator: Operator, port: int) -> list[Scenario]:
    project = await operator.ask("POST", "/v1/__projects__", {"name": "bench"})
    key = f"x-api-key: {project['key']['key']}"
    documents = {"documents": [RECORD] * LISTED}
    listed = "/collections/listed"
    await _expect(
        port, request("POST", f"{listed}/batch/documents/create", documents, credentials=key)
    )
    create = request(
        "POST", "/collections/documents?collection=written", {"data": RECORD}, credentials=key
    )
    filtered = f"{listed}/documents?limit=50&kind=lighthouse&depth_gte=4"
    return [
        _scenario("CocoBase: POST", create, status=201),
        _scenario("CocoBase: list of 50, filtered", request("GET", filtered, credentials=key)),
    ]


async def _dataforce(operator: Operator, port: int) -> list[Scenario]:
    user = await operator.ask("POST", "/v1/__users__", {"name": "bench"})
    body = {"name": "bench", "owner": user["id"]}
    organization = (await operator.ask("POST", "/v1/__organizations__", body))["id"]
    orbits = [
        await operator.ask(
            "POST", f"/v1/__organizations__/{organization}/orbits", {"name": f"bench {number}"}
        )
        for number in range(2)
    ]
    listed, written = (
        f"/organizations/{organization}/orbits/{orbit['id']}/collections" for orbit in orbits
    )
    key = f"Authorization: Bearer {user['key']['key']}"
    collection = {"name": "Models", "description": "Of the bench", "collection_type": "model"}
    fill = request("POST", listed, collection, credentials=key)
    for _ in range(LISTED):
        await _expect(port, fill)
    create = request("POST", written, collection, credentials=key)
    page = request("GET", f"{listed}?limit=50&order=desc", credentials=key)
    return [_scenario("DataForce: POST", create), _scenario("DataForce: list of 50", page)]


def _scenario(name: str, wire: bytes, *, status: int = 200) -> Scenario:
    return Scenario(name=name, make_request=always(wire), connections=CONNECTIONS, status=status)


async def _expect(port: int, wire: bytes) -> None:
    await measure(always(wire), port=port, connections=1, seconds=0, status=200)
