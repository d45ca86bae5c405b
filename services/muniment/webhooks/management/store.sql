-- find --
-- The lane of a webhook's live events; it is there a moment after the webhook itself.
  SELECT l.endpoint_id, l.partition, l.bucket_uid, l.starts_at, l.next_offset, l.stopped_for,
         l.failing_since, l.breaker_cause, l.breaker_opened_at, c.next_offset AS read_to,
         (SELECT count(*) FROM webhooks.parked p WHERE p.lane_id = l.id AND NOT p.is_dead)
             AS parked,
         (SELECT count(*) FROM webhooks.parked p WHERE p.lane_id = l.id AND p.is_dead) AS dead,
         (SELECT min(p.next_try_at) FROM webhooks.parked p
           WHERE p.lane_id = l.id AND NOT p.is_dead) AS next_try_at,
         (SELECT s.last_at FROM webhooks.attempt_sum s
           WHERE s.endpoint_id = l.endpoint_id AND s.outcome = 'delivered'
           ORDER BY s.day DESC LIMIT 1) AS last_acknowledged_at
    FROM webhooks.lane l
    LEFT JOIN webhooks.checkpoint c
      ON c.partition = l.partition
   WHERE l.bucket_id = $1
     AND l.webhook_id = $2
     AND l.id = l.endpoint_id
ORDER BY l.starts_at DESC
   LIMIT 1;

-- attempts --
  SELECT a.at, a.id, a.message_id, a.type, a.uri, a.event_offset, a.events, a.number, a.outcome,
         a.status, a.detail, a.total_ms, a.dns_ms, a.connect_ms, a.tls_ms, a.first_byte_ms,
         a.address, a.is_reused, a.answer, a.next_try_at, a.lane_id,
         a.request_headers
    FROM webhooks.attempt a
   WHERE a.endpoint_id = $1
     AND (a.at, a.id) < ($2, $3)
     AND a.at >= $4
     AND ($5::text[] IS NULL OR a.outcome = ANY ($5))
     AND ($6::text IS NULL OR a.uri = $6)
     AND ($7::text IS NULL OR a.message_id = $7)
     AND ($8::text IS NULL OR a.type = $8)
     AND ($9::int4range IS NULL OR a.status <@ $9)
ORDER BY a.at DESC, a.id DESC
   LIMIT $10;

-- days --
  SELECT s.day,
         sum(s.attempts)::bigint AS attempts,
         coalesce(sum(s.events) FILTER (WHERE s.outcome = 'delivered'), 0)::bigint AS acknowledged,
         json_object_agg(
             s.outcome,
             json_build_object(
                 'attempts', s.attempts,
                 'ms', json_build_object(
                     'min', round(s.ms_min::numeric, 3),
                     'avg', round((s.ms_sum / s.attempts)::numeric, 3),
                     'max', round(s.ms_max::numeric, 3)
                 )
             )
             ORDER BY s.outcome
         )::text AS outcomes
    FROM webhooks.attempt_sum s
   WHERE s.endpoint_id = $1
     AND s.day >= $2
     AND s.day < $3
GROUP BY s.day
ORDER BY s.day DESC
   LIMIT $4;

-- offset_of --
-- Where an event lies that a webhook of the bucket was told of: its messages know. Those of
-- snapshots have moments there, which lie far beyond all that was read.
  SELECT a.event_offset, a.type
    FROM webhooks.attempt a
   WHERE a.endpoint_id IN (SELECT l.endpoint_id FROM webhooks.lane l WHERE l.bucket_uid = $1)
     AND a.message_id = $2
     AND a.event_offset >= 0
     AND a.event_offset < (SELECT c.next_offset FROM webhooks.checkpoint c WHERE c.partition = $3)
   LIMIT 1;

-- start_at --
-- What lies beyond the dispatcher's reading begins there: claims are known up to it.
SELECT least(c.next_offset, $2) AS at,
       CASE WHEN c.next_offset <= $2 THEN c.claim_offset
            ELSE (SELECT max(s.claim_offset)
                    FROM webhooks.claim s
                   WHERE s.partition = $1
                     AND s.claim_offset < $2)
       END AS claim
  FROM webhooks.checkpoint c
 WHERE c.partition = $1;

-- claim_before --
-- The last claim that was surely in force before a time (milliseconds since the epoch).
SELECT coalesce(max(claim_offset), 0)
  FROM webhooks.claim
 WHERE partition = $1
   AND first_at < $2;

-- open_job --
INSERT INTO webhooks.job (id, endpoint_id, partition, bucket_id, webhook_id, kind, spec)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb);

-- ask --
   UPDATE webhooks.job
      SET asked = $3, changed_at = now()
    WHERE endpoint_id = $1
      AND id = $2
      AND state IN ('waiting', 'running', 'paused')
RETURNING id;

-- job --
SELECT id, kind, spec::text AS spec, state, asked, created_at, changed_at, at_offset, delivered,
       dead, result::text AS result
  FROM webhooks.job
 WHERE endpoint_id = $1
   AND id = $2;

-- jobs --
  SELECT id, kind, spec::text AS spec, state, asked, created_at, changed_at, at_offset, delivered,
         dead, result::text AS result
    FROM webhooks.job
   WHERE endpoint_id = $1
     AND bucket_id = $2
     AND webhook_id = $3
     AND kind <> 'send'
ORDER BY created_at DESC, id
   LIMIT $4;
