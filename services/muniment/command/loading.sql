-- load_states --
-- What the read model has of buckets ($1), collections ($2 in $3), records ($4 in $5 in $6), groups
-- ($7 in $8) and webhooks ($9 in $10).
-- One row for each that has ever been: `uid` is its own life, `parent` the one it is in; `clocks`
-- are the timestamps of the lists below a bucket or collection that lives. And one row that tells
-- how far the partition ($11) is projected here (`last_modified` is its next offset).
SELECT 'bucket' AS kind, bucket.id AS bucket_id, NULL::text AS collection_id, bucket.id,
       bucket.parent, bucket.uid, bucket.last_modified, bucket.deleted, bucket.data,
       bucket.permissions, NULL::bigint AS records_until,
       (SELECT jsonb_object_agg(timeline.kind, timeline.last_modified)
          FROM timeline
         WHERE timeline.parent = bucket.uid) AS clocks,
       NULL::jsonb AS hidden
  FROM unnest($1::text[]) AS wanted (id)
  JOIN bucket ON bucket.parent = '00000000-0000-0000-0000-000000000000' AND bucket.id = wanted.id
UNION ALL
SELECT 'collection', bucket.id, collection.id, collection.id,
       collection.parent, collection.uid, collection.last_modified, collection.deleted,
       collection.data, collection.permissions, collection.records_until,
       (SELECT jsonb_object_agg(timeline.kind, timeline.last_modified)
          FROM timeline
         WHERE timeline.parent = collection.uid),
       NULL
  FROM unnest($2::text[], $3::text[]) AS wanted (id, bucket_id)
  JOIN bucket ON bucket.parent = '00000000-0000-0000-0000-000000000000'
             AND bucket.id = wanted.bucket_id
  JOIN collection ON collection.parent = bucket.uid AND collection.id = wanted.id
UNION ALL
SELECT 'record', bucket.id, collection.id, record.id,
       record.parent, NULL, record.last_modified, record.deleted, record.data,
       record.permissions, NULL, NULL, record.hidden
  FROM unnest($4::text[], $5::text[], $6::text[]) AS wanted (id, collection_id, bucket_id)
  JOIN bucket ON bucket.parent = '00000000-0000-0000-0000-000000000000'
             AND bucket.id = wanted.bucket_id
  JOIN collection ON collection.parent = bucket.uid AND collection.id = wanted.collection_id
  JOIN record ON record.parent = collection.uid AND record.id = wanted.id
UNION ALL
SELECT 'group', bucket.id, NULL, "group".id,
       "group".parent, NULL, "group".last_modified, "group".deleted, "group".data,
       "group".permissions, NULL, NULL, NULL
  FROM unnest($7::text[], $8::text[]) AS wanted (id, bucket_id)
  JOIN bucket ON bucket.parent = '00000000-0000-0000-0000-000000000000'
             AND bucket.id = wanted.bucket_id
  JOIN "group" ON "group".parent = bucket.uid AND "group".id = wanted.id
UNION ALL
SELECT 'webhook', bucket.id, NULL, webhook.id,
       webhook.parent, webhook.uid, webhook.last_modified, webhook.deleted, webhook.data,
       webhook.permissions, NULL, NULL, NULL
  FROM unnest($9::text[], $10::text[]) AS wanted (id, bucket_id)
  JOIN bucket ON bucket.parent = '00000000-0000-0000-0000-000000000000'
             AND bucket.id = wanted.bucket_id
  JOIN webhook ON webhook.parent = bucket.uid AND webhook.id = wanted.id
UNION ALL
SELECT 'checkpoint', NULL, NULL, NULL,
       NULL, NULL, checkpoint.next_offset, FALSE, NULL,
       NULL, NULL, NULL, NULL
  FROM checkpoint
 WHERE checkpoint.partition = $11::integer;

-- find_memberships --
-- The groups of buckets that live of which somebody ($1) is a member, and those buckets' lives. What
-- OFFSET 0 is for: see readmodel/principals.sql.
SELECT asked.member, '/buckets/' || bucket.id || '/groups/' || joined.group_id AS uri,
       joined.bucket_uid
  FROM unnest($1::text[]) AS asked (member)
 CROSS JOIN LATERAL (
       SELECT bucket_uid, group_id
         FROM membership
        WHERE membership.member = asked.member
       OFFSET 0) AS joined
 CROSS JOIN LATERAL (
       SELECT id
         FROM bucket
        WHERE uid = joined.bucket_uid
       OFFSET 0) AS bucket;

-- projected_to --
-- The next offset of a partition that is not projected yet.
SELECT next_offset
  FROM checkpoint
 WHERE partition = $1;

-- ids_at_timestamp --
-- Which other objects in the list ($2 is its parent's uid, $3 the object) have this timestamp.
SELECT id
  FROM {table}
 WHERE parent = $2 AND last_modified = $1 AND id <> $3;

-- bucket_list_at --
-- The timestamp of the list of all buckets.
SELECT coalesce(max(last_modified), 0)
  FROM timeline
 WHERE parent = '00000000-0000-0000-0000-000000000000' AND kind = 'bucket';

-- made_requests --
-- What was made under some keys ($1) since a moment ($2), and how far the partition ($3) is projected.
SELECT (SELECT next_offset FROM checkpoint WHERE checkpoint.partition = $3) AS projected_to,
       made_request.*
  FROM (VALUES (1)) AS one
  LEFT JOIN made_request ON made_request.key = ANY ($1::uuid[]) AND made_request.made_at > $2;

-- tombstones_of_entries --
-- What is left of some removed entries ($2) of a history.
SELECT id, last_modified
  FROM history
 WHERE bucket_uid = $1 AND last_modified = ANY ($2::bigint[]) AND deleted
 ORDER BY last_modified DESC;

-- last_owner --
-- Who was the last to claim a partition: where commands are taken, and the claim.
SELECT url, claim_offset
  FROM partition_owner
 WHERE partition = $1;

-- owner_urls --
-- Where the owners of all partitions take commands.
SELECT DISTINCT url FROM partition_owner;

-- projector_is_alive --
-- Whether a projector holds the lead, and its loop went round lately.
SELECT EXISTS (
           SELECT
             FROM pg_locks
            WHERE locktype = 'advisory'
              AND granted
              AND (classid::bigint << 32) | objid::bigint
                  = hashtextextended('muniment projector ' || current_schema(), 0)
       )
       AND EXISTS (
           SELECT FROM projector_beat WHERE beat_at > now() - make_interval(secs => $1)
       );
