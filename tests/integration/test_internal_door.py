"""Services without an HTTP API of their own still tell whether they are well, and their figures."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.new_ports import new_port
from tests.support.projecting import until
from tests.support.stack import Stack

UNREACHABLE = "127.0.0.1:9"
UNREACHABLE_POSTGRES = "postgresql://muniment@127.0.0.1:9/muniment"


@asynccontextmanager
async def serving(
    service: str, port: int, environment: Mapping[str, str]
) -> AsyncGenerator[aiohttp.ClientSession]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "muniment", "serve", service),
        env=os.environ | {**environment, "MUNIMENT_INTERNAL_PORT": str(port)},
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield session
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ask(session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    """Status and body; 0 while nobody listens."""
    try:
        async with session.get(f"/v1/{path}") as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else await answer.text()
    except aiohttp.ClientConnectionError:
        return 0, None


@pytest.mark.parametrize("service", ["projector", "webhooks"])
async def test_a_service_at_work_is_well_and_tells_its_figures(
    service: str, stack: Stack, database: str, topic_prefix: str, tmp_path: Path
) -> None:
    """What an orchestrator and Prometheus ask for."""
    environment = {
        "MUNIMENT_KAFKA_URL": stack.kafka_url,
        "MUNIMENT_POSTGRES_URL": database,
        "MUNIMENT_TOPIC_PREFIX": topic_prefix,
        "MUNIMENT_EVENTS_PARTITIONS": "2",
        "MUNIMENT_DATA_DIR": str(tmp_path),
    }
    async with serving(service, new_port(), environment) as session:
        await until(lambda: _says(session, 200, {"postgres": True, "kafka": True, service: True}))

        status, metrics = await ask(session, "__metrics__")
        assert status == 200
        assert "muniment_project_seconds" in metrics
        assert (await ask(session, "buckets"))[0] == 404


@pytest.mark.parametrize("service", ["projector", "webhooks"])
async def test_a_service_without_its_dependencies_lives_but_is_not_well(
    service: str, tmp_path: Path
) -> None:
    """It must not be restarted for it, nor count as ready."""
    environment = {
        "MUNIMENT_KAFKA_URL": UNREACHABLE,
        "MUNIMENT_POSTGRES_URL": UNREACHABLE_POSTGRES,
        "MUNIMENT_DATA_DIR": str(tmp_path),
    }
    async with serving(service, new_port(), environment) as session:
        nothing = {"postgres": False, "kafka": False, service: False}
        await until(lambda: _says(session, 503, nothing))

        assert await ask(session, "__lbheartbeat__") == (200, {})


async def _says(session: aiohttp.ClientSession, status: int, checks: Mapping[str, bool]) -> bool:
    return await ask(session, "__heartbeat__") == (status, checks)
