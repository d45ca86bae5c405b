-- try_lock --
SELECT pg_try_advisory_lock(hashtextextended('muniment webhooks', 0));

-- beat --
SELECT 1;

-- take_over --
-- From here on the commits of whoever was before are refused.
   UPDATE webhooks.dispatcher
      SET epoch = epoch + 1, taken_at = now()
RETURNING epoch;

-- hold_epoch --
-- Answers no row when another instance has taken over; until the commit's end none can.
SELECT epoch
  FROM webhooks.dispatcher
 WHERE epoch = $1
   FOR UPDATE;

-- list_checkpoints --
SELECT partition, next_offset, claim_offset
  FROM webhooks.checkpoint;

-- list_lanes --
  SELECT id, partition, starts_at, ends_at, bucket_uid, collection_uid, bucket_id, collection_id,
         url, next_offset, claim_offset, disabled_reason
    FROM webhooks.lane
   WHERE finished_at IS NULL
ORDER BY partition, starts_at;

-- list_parked --
-- A dead delivery counts only as long as its lane may come to its event once more.
  SELECT p.lane_id, p.event_offset, p.claim_offset, p.uri, p.attempts, p.next_try_at, p.is_dead,
         p.reason
    FROM webhooks.parked p
    JOIN webhooks.lane l
      ON l.id = p.lane_id
   WHERE l.finished_at IS NULL
     AND l.disabled_reason IS NULL
     AND (NOT p.is_dead OR p.event_offset >= l.next_offset)
ORDER BY p.lane_id, p.event_offset;

-- open_lanes --
INSERT INTO webhooks.lane
       (id, partition, starts_at, bucket_uid, collection_uid, bucket_id, collection_id, url)
SELECT *
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[], $5::uuid[], $6::text[],
              $7::text[], $8::text[]);

-- end_lanes --
UPDATE webhooks.lane l
   SET ends_at = e.ends_at
  FROM unnest($1::uuid[], $2::bigint[]) AS e (id, ends_at)
 WHERE l.id = e.id;

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

-- disable_lanes --
UPDATE webhooks.lane l
   SET disabled_at = now(), disabled_reason = d.reason
  FROM unnest($1::uuid[], $2::text[]) AS d (id, reason)
 WHERE l.id = d.id;

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

-- find_lane --
  SELECT url, starts_at, next_offset, disabled_reason
    FROM webhooks.lane
   WHERE bucket_id = $1
     AND collection_id = $2
     AND ends_at IS NULL
ORDER BY starts_at DESC
   LIMIT 1;
