-- take_over --
-- From here on the commits of whoever was before are refused, for these partitions.
WITH taken AS (
    SELECT nextval('webhooks.epoch') AS epoch
)
INSERT INTO webhooks.share (partition, epoch)
SELECT p.partition, t.epoch
  FROM unnest($1::integer[]) AS p (partition), taken t
    ON CONFLICT (partition) DO UPDATE
   SET epoch = EXCLUDED.epoch, taken_at = now()
RETURNING epoch;

-- hold_epoch --
-- Answers fewer rows when another instance has taken over; until the commit's end none can.
SELECT partition
  FROM webhooks.share
 WHERE partition = ANY ($1::integer[])
   AND epoch = $2
   FOR UPDATE;

-- list_checkpoints --
SELECT partition, next_offset, claim_offset
  FROM webhooks.checkpoint
 WHERE partition = ANY ($1::integer[]);

-- list_lanes --
  SELECT id, endpoint_id, partition, starts_at, ends_at, bucket_uid, bucket_id, collection_uid,
         collection_id, url, webhook_id, config::text AS config, revision, next_offset,
         claim_offset, stopped_for, failing_since, url_field, breaker_cause, breaker_opened_at
    FROM webhooks.lane
   WHERE partition = ANY ($1::integer[])
     AND finished_at IS NULL
ORDER BY partition, starts_at;

-- list_parked --
-- A dead delivery counts only as long as its lane may come to its event once more.
  SELECT p.lane_id, p.event_offset, p.claim_offset, p.uri, p.attempts, p.next_try_at, p.is_dead,
         p.reason
    FROM webhooks.parked p
    JOIN webhooks.lane l
      ON l.id = p.lane_id
   WHERE l.partition = ANY ($1::integer[])
     AND l.finished_at IS NULL
     AND l.stopped_for IS NULL
     AND (NOT p.is_dead OR p.event_offset >= l.next_offset)
ORDER BY p.lane_id, p.event_offset;

-- list_parked_of --
  SELECT p.lane_id, p.event_offset, p.claim_offset, p.uri, p.attempts, p.next_try_at, p.is_dead,
         p.reason
    FROM webhooks.parked p
    JOIN webhooks.lane l
      ON l.id = p.lane_id
   WHERE l.id = $1
     AND (NOT p.is_dead OR p.event_offset >= l.next_offset)
ORDER BY p.event_offset;

-- save_lanes --
INSERT INTO webhooks.lane
       (id, endpoint_id, partition, starts_at, ends_at, bucket_uid, bucket_id, collection_uid,
        collection_id, url, webhook_id, config, revision, stopped_for, failing_since,
        url_field, breaker_cause, breaker_opened_at)
SELECT *
  FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], $5::bigint[], $6::uuid[],
              $7::text[], $8::uuid[], $9::text[], $10::text[], $11::text[], $12::text[]::jsonb[],
              $13::bigint[], $14::text[], $15::timestamptz[], $16::text[], $17::text[],
              $18::timestamptz[])
    ON CONFLICT (id) DO UPDATE
   SET ends_at = EXCLUDED.ends_at,
       url = EXCLUDED.url,
       config = EXCLUDED.config,
       revision = EXCLUDED.revision,
       stopped_for = EXCLUDED.stopped_for,
       stopped_at = CASE WHEN EXCLUDED.stopped_for IS NULL THEN NULL
                         ELSE coalesce(lane.stopped_at, now()) END,
       failing_since = EXCLUDED.failing_since,
       breaker_cause = EXCLUDED.breaker_cause,
       breaker_opened_at = EXCLUDED.breaker_opened_at;

-- move_lanes --
UPDATE webhooks.lane l
   SET next_offset = m.next_offset, claim_offset = m.claim_offset
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS m (id, next_offset, claim_offset)
 WHERE l.id = m.id;

-- park --
INSERT INTO webhooks.parked
       (lane_id, event_offset, claim_offset, uri, attempts, next_try_at, is_dead, reason)
SELECT *
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::integer[],
              $6::timestamptz[], $7::boolean[], $8::text[])
    ON CONFLICT (lane_id, event_offset) DO UPDATE
   SET attempts = EXCLUDED.attempts,
       next_try_at = EXCLUDED.next_try_at,
       is_dead = EXCLUDED.is_dead,
       reason = EXCLUDED.reason;

-- unpark --
DELETE FROM webhooks.parked p
 USING unnest($1::uuid[], $2::bigint[]) AS d (lane_id, event_offset)
 WHERE p.lane_id = d.lane_id
   AND p.event_offset = d.event_offset;

-- finish_lanes --
-- A lane with dead deliveries stays, so that they can be found.
WITH gone AS (
    DELETE FROM webhooks.lane l
     WHERE l.id = ANY ($1::uuid[])
       AND NOT EXISTS (SELECT FROM webhooks.parked p WHERE p.lane_id = l.id)
)
UPDATE webhooks.lane l
   SET finished_at = now()
 WHERE l.id = ANY ($1::uuid[])
   AND EXISTS (SELECT FROM webhooks.parked p WHERE p.lane_id = l.id);

-- drop_lanes --
-- The endpoint is no more: nothing of it is kept but its attempts.
DELETE FROM webhooks.lane
 WHERE id = ANY ($1::uuid[]);

-- flush_partitions --
DELETE FROM webhooks.lane l
 USING unnest($1::integer[], $2::bigint[]) AS f (partition, flushed_at)
 WHERE l.partition = f.partition
   AND l.starts_at < f.flushed_at;

-- move_checkpoints --
INSERT INTO webhooks.checkpoint (partition, next_offset, claim_offset)
SELECT *
  FROM unnest($1::integer[], $2::bigint[], $3::bigint[])
    ON CONFLICT (partition) DO UPDATE
   SET next_offset = EXCLUDED.next_offset,
       claim_offset = EXCLUDED.claim_offset,
       moved_at = now();

-- list_claims --
  SELECT partition, claim_offset, first_at
    FROM webhooks.claim
   WHERE partition = ANY ($1::integer[])
ORDER BY partition, claim_offset;

-- add_claims --
INSERT INTO webhooks.claim (partition, claim_offset, first_at)
SELECT *
  FROM unnest($1::integer[], $2::bigint[], $3::bigint[])
    ON CONFLICT DO NOTHING;

-- open_jobs --
INSERT INTO webhooks.job (id, endpoint_id, partition, bucket_id, webhook_id, kind, spec, state)
SELECT *
  FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[],
              $7::text[]::jsonb[], $8::text[])
    ON CONFLICT DO NOTHING;

-- change_jobs --
UPDATE webhooks.job j
   SET state = c.state,
       at_offset = coalesce(c.at_offset, j.at_offset),
       delivered = j.delivered + c.delivered,
       dead = j.dead + c.dead,
       result = coalesce(c.result, j.result),
       asked = CASE WHEN c.has_heard THEN NULL ELSE j.asked END,
       changed_at = now()
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
              $6::text[]::jsonb[], $7::boolean[])
       AS c (id, state, at_offset, delivered, dead, result, has_heard)
 WHERE j.id = c.id;

-- list_jobs --
  SELECT id, endpoint_id, partition, bucket_id, webhook_id, kind, spec::text AS spec, state, asked
    FROM webhooks.job
   WHERE partition = ANY ($1::integer[])
     AND (state = 'waiting' OR asked IS NOT NULL)
ORDER BY created_at
   LIMIT 100;

-- list_jobs_under_way --
SELECT id, endpoint_id, partition, bucket_id, webhook_id, kind, spec::text AS spec, state, asked
  FROM webhooks.job
 WHERE partition = ANY ($1::integer[])
   AND state IN ('running', 'paused');

-- find_lane --
  SELECT url, starts_at, next_offset, stopped_for
    FROM webhooks.lane
   WHERE bucket_id = $1
     AND collection_id = $2
     AND ends_at IS NULL
ORDER BY starts_at DESC
   LIMIT 1;

-- add_sums --
INSERT INTO webhooks.attempt_sum AS known
       (endpoint_id, day, outcome, attempts, events, ms_min, ms_max, ms_sum, last_at)
SELECT *
  FROM unnest($1::uuid[], $2::date[], $3::text[], $4::bigint[], $5::bigint[], $6::real[],
              $7::real[], $8::double precision[], $9::timestamptz[])
    ON CONFLICT (endpoint_id, day, outcome) DO UPDATE
   SET attempts = known.attempts + EXCLUDED.attempts,
       events = known.events + EXCLUDED.events,
       ms_min = least(known.ms_min, EXCLUDED.ms_min),
       ms_max = greatest(known.ms_max, EXCLUDED.ms_max),
       ms_sum = known.ms_sum + EXCLUDED.ms_sum,
       last_at = greatest(known.last_at, EXCLUDED.last_at);
