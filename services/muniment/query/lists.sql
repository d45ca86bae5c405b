-- list_of_buckets --
-- A list, its timestamp and what bears on who may see it, all of one snapshot.
{asker}
SELECT {principals} AS principals,
       NULL::jsonb AS bucket_permissions,
       NULL::jsonb AS collection_permissions,
       TRUE AS parent_exists,
       NULL::jsonb AS cache_expires,
       coalesce(t.last_modified, 0) AS at,
       found.*
  FROM (VALUES (1)) AS one
  LEFT JOIN timeline AS t
    ON t.parent = '00000000-0000-0000-0000-000000000000' AND t.kind = 'bucket'
 CROSS JOIN LATERAL ({found}) AS found;

-- list_in_bucket --
{asker}
SELECT {principals} AS principals,
       b.permissions AS bucket_permissions,
       NULL::jsonb AS collection_permissions,
       b.uid IS NOT NULL AS parent_exists,
       NULL::jsonb AS cache_expires,
       coalesce(t.last_modified, 0) AS at,
       found.*
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = {bucket_id} AND NOT b.deleted
  LEFT JOIN LATERAL (
       SELECT last_modified
         FROM timeline
        WHERE parent = b.uid AND kind = '{kind}'
       OFFSET 0) AS t ON TRUE
 CROSS JOIN LATERAL ({found}) AS found;

-- list_in_collection --
{asker}
SELECT {principals} AS principals,
       b.permissions AS bucket_permissions,
       c.permissions AS collection_permissions,
       c.uid IS NOT NULL AS parent_exists,
       c.cache_expires,
       coalesce(t.last_modified, 0) AS at,
       found.*
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = {bucket_id} AND NOT b.deleted
  LEFT JOIN LATERAL (
       SELECT uid, permissions, data -> 'cache_expires' AS cache_expires
         FROM collection
        WHERE parent = b.uid AND id = {collection_id} AND NOT deleted
       OFFSET 0) AS c ON TRUE
  LEFT JOIN LATERAL (
       SELECT last_modified
         FROM timeline
        WHERE parent = c.uid AND kind = '{kind}'
       OFFSET 0) AS t ON TRUE
 CROSS JOIN LATERAL ({found}) AS found;

-- page --
SELECT o.data, {sort_values} AS sort_values
  FROM {source} AS o
 WHERE {found}
   AND {after}
 ORDER BY {order}
 LIMIT {limit} + 1

-- all --
SELECT
  FROM {source} AS o
 WHERE {found}

-- found --
-- A client that has the list as it is (`skipped_at`) gets no rows.
o.parent = {parent}
   AND t.last_modified IS DISTINCT FROM {skipped_at}
   AND {visible}
   AND {where}

-- sees_all_in_root --
{is_granted}

-- sees_all_in_bucket --
-- Says what `permissions.may` says of Right.LIST, lest a stranger's request reads a whole list.
({is_granted} OR b.permissions -> 'read' ?| {principals} OR b.permissions -> 'write' ?| {principals})

-- sees_all_as_writer --
({is_granted} OR b.permissions -> 'write' ?| {principals})

-- sees_all_in_collection --
({is_granted} OR b.permissions -> 'read' ?| {principals} OR b.permissions -> 'write' ?| {principals}
     OR c.permissions -> 'read' ?| {principals} OR c.permissions -> 'write' ?| {principals})

-- has_shared --
EXISTS (SELECT
          FROM {source} AS o
         WHERE {visible})
