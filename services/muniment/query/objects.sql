-- read_bucket --
-- An object, and what bears on who may read it; nothing of an object that is not there. $1 are those
-- as whose member a group speaks for the requester.
--
-- OFFSET 0, here and below, keeps the lookups apart: joined freely, a plan made while there were few
-- parents looked for the id among the objects of all parents (an index skip scan), and was kept.
SELECT {groups} AS groups,
       NULL::jsonb AS bucket_permissions,
       NULL::jsonb AS collection_permissions,
       NULL::jsonb AS cache_expires,
       b.last_modified,
       b.permissions,
       b.data
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $2 AND NOT b.deleted;

-- read_collection --
SELECT {groups} AS groups,
       b.permissions AS bucket_permissions,
       NULL::jsonb AS collection_permissions,
       NULL::jsonb AS cache_expires,
       o.last_modified,
       o.permissions,
       o.data
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $2 AND NOT b.deleted
  LEFT JOIN LATERAL (
       SELECT last_modified, permissions, data
         FROM collection
        WHERE parent = b.uid AND id = $3 AND NOT deleted
       OFFSET 0) AS o ON TRUE;

-- read_group --
SELECT {groups} AS groups,
       b.permissions AS bucket_permissions,
       NULL::jsonb AS collection_permissions,
       NULL::jsonb AS cache_expires,
       o.last_modified,
       o.permissions,
       o.data
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $2 AND NOT b.deleted
  LEFT JOIN LATERAL (
       SELECT last_modified, permissions, data
         FROM "group"
        WHERE parent = b.uid AND id = $3 AND NOT deleted
       OFFSET 0) AS o ON TRUE;

-- read_webhook --
SELECT {groups} AS groups,
       b.permissions AS bucket_permissions,
       NULL::jsonb AS collection_permissions,
       NULL::jsonb AS cache_expires,
       o.last_modified,
       o.permissions,
       o.data
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $2 AND NOT b.deleted
  LEFT JOIN LATERAL (
       SELECT last_modified, permissions, data
         FROM webhook
        WHERE parent = b.uid AND id = $3 AND NOT deleted
       OFFSET 0) AS o ON TRUE;

-- read_record --
SELECT {groups} AS groups,
       b.permissions AS bucket_permissions,
       c.permissions AS collection_permissions,
       c.cache_expires,
       o.last_modified,
       o.permissions,
       o.data
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $2 AND NOT b.deleted
  LEFT JOIN LATERAL (
       SELECT uid, permissions, data -> 'cache_expires' AS cache_expires
         FROM collection
        WHERE parent = b.uid AND id = $3 AND NOT deleted
       OFFSET 0) AS c ON TRUE
  LEFT JOIN LATERAL (
       SELECT last_modified, permissions, data
         FROM record
        WHERE parent = c.uid AND id = $4 AND NOT deleted
       OFFSET 0) AS o ON TRUE;
