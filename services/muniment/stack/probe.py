"""Asking a Kafka or a Postgres whether it is ready to work for us."""

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

import asyncpg
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from muniment.log.connection import parse_kafka_url
from muniment.stack.errors import Unreachable

ANSWER_TIMEOUT_S: Final = 5.0

# What does not answer yet is no news here, and aiokafka would log each try.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

NOT_YET: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def kafka_answers(url: str) -> bool:
    """Whether a broker there takes part in its cluster."""
    client = AIOKafkaClient(
        **parse_kafka_url(url, client_id="muniment-probe").client_options(),
        request_timeout_ms=int(ANSWER_TIMEOUT_S * 1000),
    )
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await client.bootstrap()
            cluster: Any = client.cluster
            return bool(cluster.brokers())
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await client.close()


async def postgres_refusal(url: str) -> str | None:
    """None when one can work there, else why not, in Postgres's words."""
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_TIMEOUT_S, ssl=None)
    except NOT_YET as error:
        return str(error) or type(error).__name__
    with suppress(*NOT_YET):
        await connection.close(timeout=ANSWER_TIMEOUT_S)
    return None


async def require_kafka(url: str) -> None:
    """Raises `Unreachable` unless it answers; of the URL only addresses are shown."""
    if not await kafka_answers(url):
        servers = ",".join(parse_kafka_url(url).servers)
        raise Unreachable(
            f"No Kafka answers at {servers}: start it or mend --kafka "
            "(MUNIMENT_KAFKA_URL), or leave it out to use the embedded one."
        )


async def require_postgres(url: str) -> None:
    """Raises `Unreachable` unless one can connect; the URL is not shown, it may hold a password."""
    try:
        refusal = await postgres_refusal(url)
    except ValueError as error:
        refusal = str(error)
    if refusal is not None:
        raise Unreachable(
            f"Postgres cannot be used as given ({refusal}): start it or mend --postgres "
            "(MUNIMENT_POSTGRES_URL), or leave it out to use the embedded one."
        )
