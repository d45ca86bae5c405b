"""The command side: there at once, and at work as soon as Kafka and Postgres are."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from uuid_utils import uuid7

from muniment.command.answers import Answers
from muniment.command.at_owner import HANDOVER_S_MAX, AtOwner
from muniment.command.batch import Batches
from muniment.command.bucket_deletion import BucketDeletion
from muniment.command.bucket_list import BucketList
from muniment.command.bulk import BulkDeletion
from muniment.command.deciding import Decider
from muniment.command.everywhere import Everywhere
from muniment.command.flushing import Flushing
from muniment.command.handler import CommandHandler
from muniment.command.health import Health
from muniment.command.in_hand import InHand
from muniment.command.loading import ReadModel
from muniment.command.membership import Membership, join_group
from muniment.command.owner import Owner, OwnerLimits
from muniment.command.owners import Owners
from muniment.command.repeats import MadeBefore
from muniment.command.tokens import UnusedTokens
from muniment.command.trimming import HistoryTrimming
from muniment.command.user_data import UserData
from muniment.command.webhook_orders import WebhookOrders
from muniment.domain.commands import Command
from muniment.domain.events import EventId
from muniment.domain.permissions import Granted
from muniment.domain.queries.selection import Limits
from muniment.domain.rules import Rules
from muniment.domain.values import Timestamp, Uid
from muniment.domain.webhooks.rules import WebhookRules
from muniment.log.connection import kafka_of
from muniment.log.kafka import open_log
from muniment.log.options import LogOptions
from muniment.log.protocol import Log, LogUnavailable, Partition
from muniment.readmodel.checkpoints import Checkpoint, Checkpoints
from muniment.readmodel.connection import UNREACHABLE, open_connection, open_pool, postgres_of
from muniment.readmodel.feed import Feed, Watching
from muniment.readmodel.migrate import migrate
from muniment.readmodel.projection.recording import Recording
from muniment.runtime.outages import Away, through_outages
from muniment.runtime.sealing import sealer_of
from muniment.runtime.settings import Settings
from muniment.web.batch import BatchReader
from muniment.web.carrying_out import Decided
from muniment.web.edge import Edge
from muniment.web.forwarding import Forwarder, answer_timeout_s, open_forwarder
from muniment.web.http import Handler, Request, Response
from muniment.web.pipeline import Unavailable
from muniment.web.root import Check
from muniment.web.webhook_orders import InternalKey

AWAY: Final[Away] = (*UNREACHABLE, LogUnavailable)
CLAIM_RENEWAL_S: Final = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtWork:
    """What exists only while Kafka and Postgres are there."""

    owners: Owners
    membership: Membership
    at_owner: AtOwner
    in_hand: InHand
    handler: CommandHandler
    batches: Batches
    flushing: Flushing
    user_data: UserData
    webhook_orders: WebhookOrders
    health: Health
    feed: Feed
    partition_of: Callable[[str], Partition]

    async def run(self, stopping: asyncio.Event) -> None:
        """Own partitions until told to stop; then leave them, and what still comes, to others."""
        await self.owners.run(stopping)
        await self.membership.leave()
        self.at_owner.close()
        await self.in_hand.until_empty()


class CommandSide:
    """Answers writes; 503 until it can. `run` connects it, and again after an outage."""

    def __init__(self, settings: Settings, edge: Edge) -> None:
        self._settings = settings
        self._edge = edge
        self._at_work: _AtWork | None = None

    async def write(self, request: Request) -> Response:
        """Answer a write of buckets, collections or records."""
        with self._in_hand() as at_work:
            return await at_work.handler.handle(request)

    async def carry_out(
        self, request: Request, commands: Sequence[Command], *, as_whole: bool = False
    ) -> Sequence[Decided] | Response:
        """Have commands decided that a request in another form asks for."""
        with self._in_hand() as at_work:
            return await at_work.handler.carry_out(request, commands, as_whole=as_whole)

    def watch(self, bucket_id: str, uid: Uid) -> AbstractAsyncContextManager[Watching]:
        """What is written from now on to the bucket, or a collection in it; as of `Feed.watch`.

        Raises `Unavailable`.
        """
        at_work = self._up()
        return at_work.feed.watch(uid, at_work.partition_of(bucket_id))

    def make_bucket_id(self) -> str:
        """A new id for a bucket whose stream is owned here."""
        return self._up().handler.make_bucket_id()

    async def batch(self, request: Request, within: Handler) -> Response:
        """Answer `POST /batch`; `within` answers each request in it."""
        with self._in_hand() as at_work:
            return await at_work.batches.handle(request, within)

    async def flush(self, request: Request) -> Response:
        """Answer `POST /__flush__`."""
        with self._in_hand() as at_work:
            return await at_work.flushing.handle(request)

    async def forget(self, request: Request) -> Response:
        """Answer `DELETE /__user_data__/{principal}`."""
        with self._in_hand() as at_work:
            return await at_work.user_data.handle(request)

    async def order(self, request: Request) -> Response:
        """Answer what other services order about webhooks."""
        with self._in_hand() as at_work:
            return await at_work.webhook_orders.handle(request)

    @property
    def checks(self) -> Mapping[str, Check]:
        """The heartbeat's checks of what a write needs."""

        async def log_takes_writes() -> bool:
            return await self._up().health.log_takes_writes()

        async def projector_follows() -> bool:
            return await self._up().health.projector_follows()

        return {"kafka": log_takes_writes, "projector": projector_follows}

    async def run(self, stopping: asyncio.Event) -> None:
        """Be at work until told to stop; each outage is logged once."""
        await through_outages(self._work, stopping, part="owners", away=AWAY)

    async def _work(self, stopping: asyncio.Event) -> None:
        async with self._connected() as at_work:
            self._at_work = at_work
            try:
                await at_work.run(stopping)
            finally:
                self._at_work = None

    @contextmanager
    def _in_hand(self) -> Generator[_AtWork]:
        at_work = self._up()
        with at_work.in_hand:
            yield at_work

    def _up(self) -> _AtWork:
        if self._at_work is None:
            message = "Kafka or Postgres has not answered yet"
            raise Unavailable(message)
        return self._at_work

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[_AtWork]:
        settings = self._settings
        database = postgres_of(settings)
        async with open_connection(database, application="migrate") as connection:
            await migrate(connection)
        async with (
            open_log(settings) as event_log,
            open_pool(
                database,
                application="command",
                size_max=settings.postgres_pool_size,
                statement_timeout_s=settings.statement_timeout_s,
            ) as pool,
            join_group(
                kafka_of(settings),
                topic=LogOptions.of(settings).topic,
                group_id=f"{settings.topic_prefix}-owners",
                instance_id=settings.instance_id,
            ) as membership,
            open_forwarder(
                instance_id=settings.instance_id,
                timeout_s=HANDOVER_S_MAX + answer_timeout_s(settings),
            ) as forwarder,
            self._assembled(
                event_log,
                ReadModel(pool, recording=Recording.of(settings)),
                membership,
                forwarder,
            ) as assembled,
        ):
            yield assembled

    @asynccontextmanager
    async def _assembled(
        self, event_log: Log, read_model: ReadModel, membership: Membership, forwarder: Forwarder
    ) -> AsyncGenerator[_AtWork]:
        settings, edge = self._settings, self._edge
        rules = rules_of(settings, edge.granted)
        sealer = rules.webhooks.sealer if rules.webhooks else None
        limits = Limits(page_max=settings.paginate_by, fetch_max=settings.storage_max_fetch_size)
        bucket_list = BucketList(read_model, turn_timeout_s=settings.projection_wait_timeout_s)
        tokens = UnusedTokens(read_model, validity_s=settings.pagination_token_validity_seconds)
        batch_bytes_max = LogOptions.of(settings).batch_bytes_max
        decider = Decider(
            rules,
            trimming=HistoryTrimming(limits=limits, tokens=tokens),
            bulk=BulkDeletion(rules, limits=limits, tokens=tokens, batch_bytes_max=batch_bytes_max),
            read_model=read_model,
            now=now,
            make_id=make_event_id,
            keys_ttl_s=settings.idempotency_key_ttl_s,
        )

        def make_owner(partition: Partition) -> Owner:
            return Owner(
                partition,
                event_log=event_log,
                read_model=read_model,
                checkpoints=checkpoints,
                bucket_list=bucket_list,
                decider=decider,
                limits=owner_limits(settings),
                instance_id=settings.instance_id,
                url=settings.instance_url,
            )

        def retreat(partition: Partition, checkpoint: Checkpoint) -> None:
            owners.retreat(partition, checkpoint)

        checkpoints = Checkpoints(postgres_of(settings), on_retreat=retreat)
        owners = Owners(
            event_log,
            membership,
            make_owner,
            drain_s=settings.drain_s,
            answer_timeout_s=answer_timeout_s(settings),
        )
        at_owner = AtOwner(
            owners=owners,
            read_model=read_model,
            forwarder=forwarder,
            instance_url=settings.instance_url,
            waiting_max=settings.queue_commands_max,
        )
        handler = CommandHandler(
            reader=edge.commands,
            owners=owners,
            at_owner=at_owner,
            bucket_deletion=BucketDeletion(
                rules=rules,
                limits=limits,
                read_model=read_model,
                errors=edge.errors,
                now=now,
                tokens=tokens,
            ),
            made_before=MadeBefore(event_log, read_model),
            answers=Answers(edge.errors, sealer=sealer),
            append_bytes_max=batch_bytes_max,
        )
        batches = Batches(
            BatchReader(
                requests_max=settings.batch_max_requests, json_depth_max=settings.json_depth_max
            ),
            send_together=handler.send_together,
            default_bucket=edge.default_bucket,
        )
        everywhere = Everywhere(
            partitions=event_log.partitions,
            owners=owners,
            read_model=read_model,
            forwarder=forwarder,
            instance_url=settings.instance_url,
        )
        flushing = Flushing(owners=owners, everywhere=everywhere)
        user_data = UserData(
            owners=owners,
            read_model=read_model,
            everywhere=everywhere,
            errors=edge.errors,
            allowed=frozenset(settings.user_data_delete_principals),
        )
        webhook_orders = WebhookOrders(at_owner=at_owner, key=InternalKey.of(settings))
        health = Health(
            event_log=event_log,
            owners=owners,
            read_model=read_model,
            checkpoints=checkpoints,
            forwarder=forwarder,
            instance_url=settings.instance_url,
        )
        feed = Feed(event_log, checkpoints, read_model.acquire)
        async with checkpoints.followed():
            try:
                yield _AtWork(
                    owners=owners,
                    membership=membership,
                    at_owner=at_owner,
                    in_hand=InHand(),
                    handler=handler,
                    batches=batches,
                    flushing=flushing,
                    user_data=user_data,
                    webhook_orders=webhook_orders,
                    health=health,
                    feed=feed,
                    partition_of=event_log.partition_of,
                )
            finally:
                await feed.close()
                await bucket_list.close()


def now() -> Timestamp:
    """The wall clock in milliseconds."""
    return Timestamp(time.time_ns() // 1_000_000)


def make_event_id() -> EventId:
    """A fresh UUID version 7."""
    return EventId(str(uuid7()))


def rules_of(settings: Settings, granted: Granted) -> Rules:
    """What the settings say about who may do what, and about schemas."""
    return Rules(
        granted=granted,
        explicit_permissions=settings.explicit_permissions,
        validates_records=settings.experimental_collection_schema_validation,
        webhooks=webhook_rules_of(settings),
    )


def webhook_rules_of(settings: Settings) -> WebhookRules | None:
    """What the settings say about webhooks; nothing where there are none."""
    if not settings.webhooks_enabled:
        return None
    return WebhookRules(sealer=sealer_of(settings), https_only=settings.webhooks_https_only)


def owner_limits(settings: Settings) -> OwnerLimits:
    """The bounds of an owner."""
    return OwnerLimits(
        queue_commands_max=settings.queue_commands_max,
        group_commands_max=settings.group_commands_max,
        group_bytes_max=settings.group_bytes_max,
        overlay_records_max=settings.overlay_records_max,
        projection_wait_timeout_s=settings.projection_wait_timeout_s,
        claim_renewal_s=CLAIM_RENEWAL_S,
    )
