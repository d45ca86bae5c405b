"""Between the rows of the tables of `webhooks` and what they stand for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from muniment.domain.addresses import BucketId, CollectionId
from muniment.domain.values import Timestamp, Uid
from muniment.domain.webhooks.parsing import parse_webhook
from muniment.domain.webhooks.spec import WebhookSpec
from muniment.log.protocol import Offset, Partition, Start
from muniment.webhooks.deliveries import LaneId, ParkedRow
from muniment.webhooks.endpoints import (
    URL_FIELD,
    CollectionUrl,
    Endpoint,
    EndpointId,
    Webhook,
    url_spec,
)
from muniment.webhooks.jobs import (
    Ask,
    Job,
    JobChange,
    JobId,
    JobKind,
    JobState,
    parse_work,
    spec_of,
)
from muniment.webhooks.ledger import ClaimSeen

if TYPE_CHECKING:
    from muniment.webhooks.positions import LaneRow


def lane_columns(row: "LaneRow") -> Sequence[object]:
    """A lane in the order of `save_lanes`."""
    endpoint, source = row.endpoint, row.endpoint.source
    url = source if isinstance(source, CollectionUrl) else None
    webhook = source if isinstance(source, Webhook) else None
    return (
        row.id,
        endpoint.id,
        endpoint.partition,
        row.starts_at,
        row.ends_at,
        endpoint.bucket_uid,
        endpoint.bucket_id,
        None if url is None else url.uid,
        None if url is None else url.id,
        endpoint.url,
        None if webhook is None else webhook.id,
        None if webhook is None else orjson.dumps(webhook.data).decode(),
        endpoint.revision,
        row.stopped_for,
        None if row.failing_since is None else _moment(row.failing_since),
        None if url is None else url.field,
        row.breaker_cause,
        None if row.breaker_opened_at is None else _moment(row.breaker_opened_at),
    )


def lane_fields(row: asyncpg.Record) -> Mapping[str, Any]:
    """The fields of a `LaneRow`."""
    starts_at = Offset(row["starts_at"])
    failing_since: datetime | None = row["failing_since"]
    opened_at: datetime | None = row["breaker_opened_at"]
    return {
        "id": LaneId(str(row["id"])),
        "endpoint": _endpoint(row, starts_at),
        "starts_at": starts_at,
        "ends_at": row["ends_at"],
        "stopped_for": row["stopped_for"],
        "failing_since": None if failing_since is None else failing_since.timestamp(),
        "breaker_cause": row["breaker_cause"],
        "breaker_opened_at": None if opened_at is None else opened_at.timestamp(),
    }


def next_of(row: asyncpg.Record) -> Start | None:
    """Where a lane goes on; `None`: where the common reading does."""
    at: int | None = row["next_offset"]
    return None if at is None else Start(offset=Offset(at), claim=row["claim_offset"])


def parked_columns(row: ParkedRow) -> Sequence[object]:
    """A parked delivery in the order of `park`."""
    return (
        row.lane_id,
        row.offset,
        row.claim,
        row.key,
        row.attempts,
        _moment(row.next_try_at),
        row.is_dead,
        row.reason,
    )


def parked_row(row: asyncpg.Record) -> ParkedRow:
    """The same, read again."""
    return ParkedRow(
        lane_id=LaneId(str(row["lane_id"])),
        offset=Offset(row["event_offset"]),
        claim=row["claim_offset"],
        key=row["uri"],
        attempts=row["attempts"],
        next_try_at=row["next_try_at"].timestamp(),
        is_dead=row["is_dead"],
        reason=row["reason"],
    )


def job_columns(change: JobChange) -> Sequence[object]:
    """A change of a job in the order of `change_jobs`."""
    return (
        change.id,
        change.state,
        change.at_offset,
        change.delivered,
        change.dead,
        None if change.result is None else orjson.dumps(change.result).decode(),
        change.has_heard,
    )


def job(row: asyncpg.Record) -> Job:
    """A job as it is kept."""
    asked: str | None = row["asked"]
    return Job(
        id=JobId(str(row["id"])),
        endpoint_id=EndpointId(str(row["endpoint_id"])),
        partition=Partition(row["partition"]),
        bucket_id=BucketId(row["bucket_id"]),
        webhook_id=row["webhook_id"],
        kind=JobKind(row["kind"]),
        state=JobState(row["state"]),
        asked=None if asked is None else Ask(asked),
        work=parse_work(JobKind(row["kind"]), orjson.loads(row["spec"])),
    )


def new_job_columns(job: Job) -> Sequence[object]:
    """A job in the order of `open_jobs`."""
    return (
        job.id,
        job.endpoint_id,
        job.partition,
        job.bucket_id,
        job.webhook_id,
        job.kind,
        orjson.dumps(spec_of(job.work)).decode(),
        job.state,
    )


def claim(row: asyncpg.Record) -> ClaimSeen:
    """A claim under which something was written."""
    return ClaimSeen(
        partition=Partition(row["partition"]),
        offset=Offset(row["claim_offset"]),
        at=Timestamp(row["first_at"]),
    )


def _endpoint(row: asyncpg.Record, opened_at: Offset) -> Endpoint:
    config: str | None = row["config"]
    source: CollectionUrl | Webhook
    if config is None:
        uid, id_ = Uid(str(row["collection_uid"])), CollectionId(row["collection_id"])
        url, field = row["url"], row["url_field"] or URL_FIELD
        source = CollectionUrl(uid=uid, id=id_, url=url, field=field)
        spec = url_spec(url, field)
    else:
        source = Webhook(id=row["webhook_id"], data=orjson.loads(config))
        found = parse_webhook(source.data)
        # It was taken once: what a later version of this program does not take still has a URL.
        spec = found if isinstance(found, WebhookSpec) else url_spec(row["url"])
    return Endpoint(
        id=EndpointId(str(row["endpoint_id"])),
        partition=Partition(row["partition"]),
        opened_at=opened_at,
        bucket_uid=Uid(str(row["bucket_uid"])),
        bucket_id=BucketId(row["bucket_id"]),
        source=source,
        revision=Timestamp(row["revision"]),
        spec=spec,
    )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
