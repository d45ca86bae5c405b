"""The first layer of the fence: the one place that uses what aiokafka keeps private.

Kafka counts epochs for a transactional id, and its brokers refuse every append of an older epoch.
aiokafka offers that only together with transactions, which take 27 ms each where a plain
idempotent append takes 0.3 ms (`docs/decisions`, one writer per partition). So the epoch is asked
for here and given to a producer without transactions. aiokafka is pinned to the version this was
written for, and the contract suite holds what is promised: a stale owner is refused.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, cast

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaConnectionError,
    NodeNotReadyError,
    NoError,
    NotCoordinatorError,
    RequestTimedOutError,
    for_code,
)
from aiokafka.protocol.transaction import InitProducerIdRequest

from muniment.log.clients import Producer
from muniment.log.connection import Connection

_PASSING: Final = (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaConnectionError,
    NodeNotReadyError,
    NotCoordinatorError,
    RequestTimedOutError,
)
"""What a coordinator answers, or does not, while it starts or moves to another broker."""

_RETRY_S: Final = 0.1
_TRANSACTION_TIMEOUT_MS: Final = 60_000
"""Asked for by the protocol; there is never a transaction that it could end."""
_CANCEL_AGAIN_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What an owner writes as: older epochs of the same producer id are refused by the broker."""

    producer_id: int
    epoch: int


class Coordinator:
    """Hands out epochs: one connection for the owners of all partitions."""

    def __init__(self, connection: Connection) -> None:
        self._client: Any = AIOKafkaClient(**connection.client_options())

    async def start(self) -> None:
        await self._client.bootstrap()

    async def close(self) -> None:
        await self._client.close()

    async def next_identity(self, transactional_id: str) -> Identity:
        """Raise the epoch; keeps trying until it is told, so the deadline is the caller's."""
        while True:
            try:
                return await self._ask(transactional_id)
            except _PASSING:
                self._client.force_metadata_update()
                await asyncio.sleep(_RETRY_S)

    async def _ask(self, transactional_id: str) -> Identity:
        node = await self._client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
        request = InitProducerIdRequest(transactional_id, _TRANSACTION_TIMEOUT_MS)
        answer = await self._client.send(node, request, group=ConnectionGroup.COORDINATION)
        error: Any = for_code(answer.error_code)
        if error is not NoError:
            raise error
        return Identity(producer_id=answer.producer_id, epoch=answer.producer_epoch)


def adopt(producer: Producer, identity: Identity) -> None:
    """Have a producer that has not started write as this owner."""
    cast("Any", producer)._txn_manager.set_pid_and_epoch(  # noqa: SLF001 - see above
        identity.producer_id, identity.epoch
    )


async def abandon(producer: Producer) -> None:
    """Stop a producer and what it was still sending; its `stop` would wait for that for ever."""
    inner = cast("Any", producer)
    sending: asyncio.Task[None] | None = inner._sender.sender_task  # noqa: SLF001 - see above
    while sending is not None and not sending.done():
        # The first cancellation makes it wait for the request in flight, the second ends that.
        sending.cancel()
        await asyncio.wait([sending], timeout=_CANCEL_AGAIN_S)
    inner._closed = True  # noqa: SLF001 - see above
    await inner.client.close()
