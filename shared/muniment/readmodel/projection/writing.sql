-- flush_partitions --
-- End all buckets of some partitions and forget their tombstones.
WITH gone AS (
    DELETE FROM bucket
          WHERE partition = ANY ($1::integer[])
      RETURNING uid
)
INSERT INTO doomed (uid, kind)
SELECT uid, 'bucket'
  FROM gone
 WHERE uid IS NOT NULL
    ON CONFLICT (uid) DO NOTHING;

-- apply_batch --
-- Move the checkpoints on and write all rows of a batch, or nothing: then no row is answered,
-- since another projector has moved a checkpoint. One statement, hence one transaction and one
-- round trip. The checkpoints come first: they are compared and locked (`held`) before the `gate`
-- opens, and without it nothing is written.
WITH step AS (
    SELECT *
      FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS step (partition, from_offset, from_claim, next_offset, claim_offset)
),
held AS MATERIALIZED (
    SELECT checkpoint.partition
      FROM checkpoint
      JOIN step
        ON step.partition = checkpoint.partition
       AND step.from_offset = checkpoint.next_offset
       AND step.from_claim IS NOT DISTINCT FROM checkpoint.claim_offset
       FOR UPDATE OF checkpoint
),
gate AS MATERIALIZED (
    SELECT count(*) = cardinality($1) AS is_open
      FROM held
),
moved AS (
    UPDATE checkpoint
       SET next_offset = step.next_offset,
           claim_offset = step.claim_offset,
           moved_at = now()
      FROM step
     WHERE checkpoint.partition = step.partition
       AND (SELECT is_open FROM gate)
 RETURNING checkpoint.partition, checkpoint.next_offset, checkpoint.claim_offset
),
change AS MATERIALIZED (
    SELECT *
      FROM unnest(
               $6::integer[], $7::text[], $8::uuid[], $9::text[], $10::uuid[], $11::bigint[],
               $12::boolean[], $13::jsonb[], $14::jsonb[], $15::boolean[], $16::uuid[],
               $17::bigint[], $18::uuid[], $19::bigint[], $20::text[], $21::text[], $22::text[],
               $23::text[], $24::text[], $25::bigint[], $26::uuid[], $27::boolean[],
               $28::bigint[], $29::bigint[], $30::bigint[], $31::jsonb[]
           ) AS change (
               partition, kind, parent, id, uid, last_modified,
               deleted, data, permissions, is_last, bucket_uid,
               stream_at, event_id, occurred_at_ms, action, uri, collection_id,
               user_id, request_id, records_until, collection_uid, has_entry,
               created_at, created_order, updated_at, hidden
           )
     WHERE (SELECT is_open FROM gate)
),
buckets AS (
    INSERT INTO bucket (
               id, last_modified, deleted, data, permissions, uid, partition,
               created_at, created_order, updated_at
           )
    SELECT id, last_modified, deleted, data, permissions, uid, partition,
           created_at, created_order, updated_at
      FROM change
     WHERE kind = 'bucket' AND is_last
        ON CONFLICT (parent, id) DO UPDATE
       SET last_modified = excluded.last_modified,
           deleted = excluded.deleted,
           data = excluded.data,
           permissions = excluded.permissions,
           uid = excluded.uid,
           created_at = coalesce(excluded.created_at, bucket.created_at),
           created_order = coalesce(excluded.created_order, bucket.created_order),
           updated_at = excluded.updated_at
),
collections AS (
    INSERT INTO collection (
               parent, id, last_modified, deleted, data, permissions, uid, records_until,
               created_at, created_order, updated_at
           )
    SELECT parent, id, last_modified, deleted, data, permissions, uid, records_until,
           created_at, created_order, updated_at
      FROM change
     WHERE kind = 'collection' AND is_last
        ON CONFLICT (parent, id) DO UPDATE
       SET last_modified = excluded.last_modified,
           deleted = excluded.deleted,
           data = excluded.data,
           permissions = excluded.permissions,
           uid = excluded.uid,
           records_until = excluded.records_until,
           created_at = coalesce(excluded.created_at, collection.created_at),
           created_order = coalesce(excluded.created_order, collection.created_order),
           updated_at = excluded.updated_at
),
groups AS (
    INSERT INTO "group" (parent, id, last_modified, deleted, data, permissions)
    SELECT parent, id, last_modified, deleted, data, permissions
      FROM change
     WHERE kind = 'group' AND is_last
        ON CONFLICT (parent, id) DO UPDATE
       SET last_modified = excluded.last_modified,
           deleted = excluded.deleted,
           data = excluded.data,
           permissions = excluded.permissions
),
webhooks AS (
    INSERT INTO webhook (parent, id, last_modified, deleted, data, permissions, uid)
    SELECT parent, id, last_modified, deleted, data, permissions, uid
      FROM change
     WHERE kind = 'webhook' AND is_last
        ON CONFLICT (parent, id) DO UPDATE
       SET last_modified = excluded.last_modified,
           deleted = excluded.deleted,
           data = excluded.data,
           permissions = excluded.permissions,
           uid = excluded.uid
),
records AS (
    INSERT INTO record (
               parent, id, last_modified, deleted, data, permissions,
               created_at, created_order, updated_at, hidden
           )
    SELECT parent, id, last_modified, deleted, data, permissions,
           created_at, created_order, updated_at, hidden
      FROM change
     WHERE kind = 'record' AND is_last
  ORDER BY parent, id COLLATE "C"
        ON CONFLICT (parent, id) DO UPDATE
       SET last_modified = excluded.last_modified,
           deleted = excluded.deleted,
           data = excluded.data,
           permissions = excluded.permissions,
           created_at = coalesce(excluded.created_at, record.created_at),
           created_order = coalesce(excluded.created_order, record.created_order),
           updated_at = excluded.updated_at,
           hidden = excluded.hidden
),
versions AS (
    INSERT INTO history (
               bucket_uid, last_modified, id, occurred_at, action, resource_name, uri,
               collection_uid, collection_id, object_id, user_id, request_id, data, permissions,
               hidden
           )
    SELECT bucket_uid, stream_at, event_id, to_timestamp(occurred_at_ms / 1000.0), action, kind, uri,
           collection_uid, collection_id, id, user_id, request_id, data, permissions, hidden
      FROM change
     WHERE has_entry
        ON CONFLICT (bucket_uid, last_modified) DO NOTHING
),
timestamps AS (
    INSERT INTO timeline (parent, kind, last_modified)
    SELECT *
      FROM unnest($32::uuid[], $33::text[], $34::bigint[])
     WHERE (SELECT is_open FROM gate)
        ON CONFLICT (parent, kind) DO UPDATE
       SET last_modified = excluded.last_modified
     WHERE excluded.last_modified > timeline.last_modified
),
ended AS (
    INSERT INTO doomed (uid, kind)
    SELECT *
      FROM unnest($35::uuid[], $36::text[])
     WHERE (SELECT is_open FROM gate)
        ON CONFLICT (uid) DO NOTHING
),
owners AS (
    INSERT INTO partition_owner (partition, claim_offset, epoch, producer_id, instance_id, url)
    SELECT *
      FROM unnest(
               $37::integer[], $38::bigint[], $39::integer[], $40::bigint[], $41::text[],
               $42::text[]
           )
     WHERE (SELECT is_open FROM gate)
        ON CONFLICT (partition) DO UPDATE
       SET claim_offset = excluded.claim_offset,
           epoch = excluded.epoch,
           producer_id = excluded.producer_id,
           instance_id = excluded.instance_id,
           url = excluded.url
)
  SELECT pg_notify(
             'muniment_checkpoint',
             string_agg(
                 concat_ws(':', partition, next_offset, coalesce(claim_offset::text, '')), ','
             )
         )
    FROM moved
GROUP BY partition / 128;  -- A payload ends at 8,000 bytes.

-- keep_past_acls --
-- Who may read what is in some buckets and collections, from now on.
INSERT INTO past_acl (bucket_uid, uid, since, permissions)
SELECT *
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::jsonb[])
    ON CONFLICT (bucket_uid, uid, since) DO NOTHING;

-- trim_history --
-- Put tombstones in the place of entries; those that are gone already stay as they are.
WITH gone AS (
    DELETE FROM history
          USING unnest($1::uuid[], $2::bigint[], $3::bigint[])
                AS removal (bucket_uid, entry, at)
          WHERE history.bucket_uid = removal.bucket_uid
            AND history.last_modified = removal.entry
            AND NOT history.deleted
      RETURNING history.bucket_uid, removal.at, history.id
)
INSERT INTO history (bucket_uid, last_modified, id, deleted)
SELECT bucket_uid, at, id, TRUE
  FROM gone
    ON CONFLICT (bucket_uid, last_modified) DO NOTHING;

-- note_made --
-- Where is what writes have caused that were made under a key.
INSERT INTO made_request (
           key, request, partition, last_offset, claim_offset, events, next_token, made_at
       )
SELECT *
  FROM unnest(
           $1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], $5::bigint[], $6::integer[],
           $7::text[], $8::bigint[]
       )
    ON CONFLICT (key) DO UPDATE
   SET request = excluded.request,
       partition = excluded.partition,
       last_offset = excluded.last_offset,
       claim_offset = excluded.claim_offset,
       events = excluded.events,
       next_token = excluded.next_token,
       made_at = excluded.made_at;

-- change_memberships --
-- Who joined or left a group ($4 says which). What is so already stays.
WITH change AS (
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[])
        AS change (bucket_uid, group_id, member, is_member)
),
left_group AS (
    DELETE FROM membership
          USING change
          WHERE membership.bucket_uid = change.bucket_uid
            AND membership.group_id = change.group_id
            AND membership.member = change.member
            AND NOT change.is_member
)
INSERT INTO membership (member, bucket_uid, group_id)
SELECT member, bucket_uid, group_id
  FROM change
 WHERE is_member
    ON CONFLICT (member, bucket_uid, group_id) DO NOTHING;

-- write_acls --
-- For each principal that the ACEs ($5) of objects in a list ($1 in $2) name, where to find them, and
-- where the entries of a bucket ($3) that such ACEs have in a place ($4).
WITH acl AS (
    SELECT *
      FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::jsonb[])
        AS acl (kind, parent, bucket_uid, place, permissions)
),
held AS MATERIALIZED (
    SELECT acl.*, hashtextextended(holder #>> '{{}}', 0) AS principal
      FROM acl
     CROSS JOIN LATERAL jsonb_path_query(acl.permissions, '$.*[*]') AS holder
),
entries AS (
    INSERT INTO entry_ace (bucket_uid, principal, place, acl)
    SELECT acl.bucket_uid, 0, acl.place, {acl_in_place}
      FROM acl
     UNION
    SELECT acl.bucket_uid, acl.principal, acl.place, {acl_in_place}
      FROM held AS acl
        ON CONFLICT (bucket_uid, principal, place, acl) DO NOTHING
)
INSERT INTO ace (principal, kind, parent, acl)
SELECT DISTINCT acl.principal, acl.kind, acl.parent, {acl_in_list}
  FROM held AS acl
    ON CONFLICT (principal, kind, parent, acl) DO NOTHING;

-- drop_bucket_acls --
-- Some ACEs ($1) that buckets had, where none has them any more. All buckets are one list, which is
-- never swept away as a whole.
DELETE FROM ace
      USING (SELECT {acl_of_old} AS acl, hashtextextended(holder #>> '{{}}', 0) AS principal
               FROM unnest($1::jsonb[]) AS old (permissions)
              CROSS JOIN LATERAL jsonb_path_query(old.permissions, '$.*[*]') AS holder) AS old
      WHERE ace.principal = old.principal
        AND ace.kind = 'bucket'
        AND ace.parent = '00000000-0000-0000-0000-000000000000'
        AND ace.acl = old.acl
        AND NOT EXISTS (SELECT FROM bucket WHERE {bucket_acl} = ace.acl);

-- drop_flushed_acls --
DELETE FROM ace
      WHERE ace.kind = 'bucket'
        AND NOT EXISTS (SELECT FROM bucket WHERE {bucket_acl} = ace.acl);
