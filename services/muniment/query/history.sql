-- list_of_entries --
-- A bucket's history, its timestamp and what bears on who may see it, all of one snapshot.
{asker}
SELECT {principals} AS principals,
       b.permissions AS bucket_permissions,
       coalesce(t.last_modified, 0) AS at,
       found.*
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = {bucket_id} AND NOT b.deleted
  LEFT JOIN LATERAL (
       SELECT last_modified
         FROM timeline
        WHERE parent = b.uid AND kind = 'history'
       OFFSET 0) AS t ON TRUE
 CROSS JOIN LATERAL ({found}) AS found;

-- page --
SELECT {entry} AS data, {sort_values} AS sort_values
  FROM history AS o
 WHERE o.bucket_uid = b.uid
   AND {sees_all}
   AND {matching}
   AND {after}
 ORDER BY {order}
 LIMIT {limit} + 1

-- all --
SELECT
  FROM history AS o
 WHERE o.bucket_uid = b.uid
   AND {sees_all}
   AND {matching}

-- matching --
-- A client that has the list as it is (`skipped_at`) gets no rows.
t.last_modified IS DISTINCT FROM {skipped_at} AND {where}

-- sees_all --
-- Whoever may read the bucket; of webhooks, whoever may write it or could read the webhook itself.
(b.permissions -> 'write' ?| {principals}
     OR (b.permissions -> 'read' ?| {principals}
         AND (o.resource_name IS DISTINCT FROM 'webhook' OR {own})))

-- shared_page --
SELECT {entry} AS data, {sort_values} AS sort_values
  FROM ({seen}) AS seen
 CROSS JOIN LATERAL (
       SELECT *
         FROM history
        WHERE bucket_uid = b.uid AND last_modified = seen.last_modified
       OFFSET 0) AS o
 ORDER BY {order}
 LIMIT {limit} + 1

-- by_own --
-- Entries of objects that one of the principals could read when the entries were made (HIS-8), by the ACEs
-- that the object had then. Of each set of ACEs as many as a page takes (`first`) are enough, and an
-- index has them in the order of time.
--
-- The set says which bucket it is: a condition on that would lead a plan by the primary key, through all
-- entries of the bucket. That is the way to go where there are many sets, and so many entries.
SELECT entry.last_modified
  FROM {own_sets} AS named
 CROSS JOIN LATERAL (
       SELECT o.last_modified
         FROM history AS o
        WHERE {acl} = named.acl
          AND {place} = named.place
          AND NOT o.deleted
          AND {own}
          AND {matching}
        {first}) AS entry
 WHERE named.sets <= {sets_max}

-- by_many_own --
SELECT entry.last_modified
  FROM (SELECT max(sets) AS sets FROM {own_sets} AS named) AS named
 CROSS JOIN LATERAL (
       SELECT o.last_modified
         FROM history AS o
        WHERE o.bucket_uid = b.uid
          AND NOT o.deleted
          AND {own}
          AND {matching}
        {first}) AS entry
 WHERE named.sets > {sets_max}

-- own_sets --
(SELECT few.*, count(*) OVER () AS sets
   FROM (SELECT DISTINCT place, acl
           FROM entry_ace
          WHERE bucket_uid = b.uid
            AND principal = ANY ({named})
          LIMIT {sets_max} + 1) AS few)

-- by_collection --
-- The same by the ACEs that the collection had then: `entry_ace` has principal 0 for its readers.
SELECT entry.last_modified
  FROM {readable} AS readable
 CROSS JOIN LATERAL {collection_sets} AS named
 CROSS JOIN LATERAL (
       SELECT o.last_modified
         FROM history AS o
        WHERE {acl} = named.acl
          AND {place} = readable.uid
          AND o.last_modified >= readable.since
          AND o.last_modified < readable.until
          AND NOT o.deleted
          AND {matching}
        {first}) AS entry
 WHERE readable.uid <> b.uid
   AND named.sets <= {sets_max}

-- by_large_collection --
SELECT entry.last_modified
  FROM {readable} AS readable
 CROSS JOIN LATERAL (SELECT max(sets) AS sets FROM {collection_sets} AS named) AS named
 CROSS JOIN LATERAL (
       SELECT o.last_modified
         FROM history AS o
        WHERE o.bucket_uid = b.uid
          AND {place} = readable.uid
          AND o.last_modified >= readable.since
          AND o.last_modified < readable.until
          AND NOT o.deleted
          AND {matching}
        {first}) AS entry
 WHERE readable.uid <> b.uid
   AND named.sets > {sets_max}

-- collection_sets --
(SELECT few.*, count(*) OVER () AS sets
   FROM (SELECT acl
           FROM entry_ace
          WHERE bucket_uid = b.uid
            AND principal = 0
            AND place = readable.uid
          LIMIT {sets_max} + 1) AS few)

-- by_bucket --
SELECT entry.last_modified
  FROM {readable} AS readable
 CROSS JOIN LATERAL (
       SELECT o.last_modified
         FROM history AS o
        WHERE o.bucket_uid = b.uid
          AND o.last_modified >= readable.since
          AND o.last_modified < readable.until
          AND NOT o.deleted
          AND (readable.writes OR o.resource_name <> 'webhook')
          AND {matching}
        {first}) AS entry
 WHERE readable.uid = b.uid

-- readable --
-- From when to when the ACEs of the bucket, or of a collection in it, let one of the principals read,
-- and whether they let them write.
(SELECT acl.uid, acl.since, acl.until, acl.permissions -> 'write' ?| {principals} AS writes
   FROM (SELECT uid, permissions, since,
                lead(since, 1, 9223372036854775807) OVER (PARTITION BY uid ORDER BY since) AS until
           FROM past_acl
          WHERE bucket_uid = b.uid) AS acl
  WHERE acl.permissions -> 'read' ?| {principals} OR acl.permissions -> 'write' ?| {principals})
