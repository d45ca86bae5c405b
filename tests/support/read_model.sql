-- reachable_objects --
WITH life AS (
    SELECT uid, '/buckets/' || id AS uri
      FROM bucket
     WHERE NOT deleted
), nested AS (
    SELECT collection.uid, life.uri || '/collections/' || collection.id AS uri
      FROM life
      JOIN collection ON collection.parent = life.uid
     WHERE NOT collection.deleted
)
SELECT '/buckets/' || id AS uri, data, permissions, NULL::jsonb AS hidden
  FROM bucket
UNION ALL
SELECT life.uri || '/collections/' || id, data, permissions, NULL
  FROM life
  JOIN collection ON collection.parent = life.uid
UNION ALL
SELECT life.uri || '/groups/' || id, data, permissions, NULL
  FROM life
  JOIN "group" ON "group".parent = life.uid
UNION ALL
SELECT life.uri || '/webhooks/' || id, data, permissions, NULL
  FROM life
  JOIN webhook ON webhook.parent = life.uid
UNION ALL
SELECT nested.uri || '/records/' || id, data, permissions, hidden
  FROM nested
  JOIN record ON record.parent = nested.uid;

-- reachable_times --
-- Of what lives.
SELECT '/buckets/' || id AS uri, created_at, created_order, updated_at
  FROM bucket
 WHERE NOT deleted
UNION ALL
SELECT '/buckets/' || bucket.id || '/collections/' || collection.id,
       collection.created_at, collection.created_order, collection.updated_at
  FROM bucket
  JOIN collection ON collection.parent = bucket.uid
 WHERE NOT collection.deleted
UNION ALL
SELECT '/buckets/' || bucket.id || '/collections/' || collection.id || '/records/' || record.id,
       record.created_at, record.created_order, record.updated_at
  FROM bucket
  JOIN collection ON collection.parent = bucket.uid
  JOIN record ON record.parent = collection.uid
 WHERE NOT record.deleted;

-- reachable_memberships --
SELECT member, '/buckets/' || bucket.id || '/groups/' || group_id AS uri
  FROM membership
  JOIN bucket ON bucket.uid = membership.bucket_uid;

-- reachable_aces --
-- What is found by the index of ACEs for each principal that there is.
WITH life AS (
    SELECT uid, '/buckets/' || id AS uri
      FROM bucket
     WHERE NOT deleted
), nested AS (
    SELECT collection.uid, life.uri || '/collections/' || collection.id AS uri
      FROM life
      JOIN collection ON collection.parent = life.uid
     WHERE NOT collection.deleted
), object AS (
    SELECT 'bucket' AS kind, parent, '/buckets/' || id AS uri, permissions
      FROM bucket
    UNION ALL
    SELECT 'collection', parent, life.uri || '/collections/' || id, permissions
      FROM life
      JOIN collection ON collection.parent = life.uid
    UNION ALL
    SELECT 'group', parent, life.uri || '/groups/' || id, permissions
      FROM life
      JOIN "group" ON "group".parent = life.uid
    UNION ALL
    SELECT 'webhook', parent, life.uri || '/webhooks/' || id, permissions
      FROM life
      JOIN webhook ON webhook.parent = life.uid
    UNION ALL
    SELECT 'record', parent, nested.uri || '/records/' || id, permissions
      FROM nested
      JOIN record ON record.parent = nested.uid
)
SELECT DISTINCT holder #>> '{}' AS principal, object.uri
  FROM object
 CROSS JOIN LATERAL jsonb_path_query(object.permissions, '$.*[*]') AS holder
  JOIN ace ON ace.principal = hashtextextended(holder #>> '{}', 0)
          AND ace.kind = object.kind
          AND ace.parent = object.parent
          AND ace.acl = jsonb_hash_extended(object.permissions, uuid_hash_extended(object.parent, 0));

-- reachable_timestamps --
WITH life AS (
    SELECT uid, '/buckets/' || id AS uri
      FROM bucket
     WHERE NOT deleted
), parent AS (
    SELECT uid, uri
      FROM life
    UNION ALL
    SELECT collection.uid, life.uri || '/collections/' || collection.id
      FROM life
      JOIN collection ON collection.parent = life.uid
     WHERE NOT collection.deleted
    UNION ALL
    SELECT '00000000-0000-0000-0000-000000000000', ''
)
SELECT uri || '/' || CASE kind WHEN 'history' THEN kind ELSE kind || 's' END AS uri, last_modified
  FROM parent
  JOIN timeline ON timeline.parent = parent.uid;

-- reachable_history --
  SELECT '/buckets/' || bucket.id AS bucket_uri,
         CASE WHEN history.deleted THEN
             jsonb_build_object(
                 'id', history.id,
                 'last_modified', history.last_modified,
                 'deleted', TRUE
             )
         ELSE
             jsonb_build_object(
                 'id', history.id,
                 'last_modified', history.last_modified,
                 'occurred_at_ms', (extract(epoch FROM history.occurred_at) * 1000)::bigint,
                 'action', history.action,
                 'resource_name', history.resource_name,
                 'uri', history.uri,
                 'collection_id', history.collection_id,
                 'object_id', history.object_id,
                 'user_id', history.user_id,
                 'request_id', history.request_id,
                 'data', history.data,
                 'permissions', history.permissions,
                 'hidden', history.hidden
             )
         END AS entry
    FROM bucket
    JOIN history ON history.bucket_uid = bucket.uid
ORDER BY history.last_modified;

-- reachable_entry_aces --
-- What is found by the index of entries for each principal that there is, and for the readers of a place.
WITH entry AS (
    SELECT history.*, coalesce(collection_uid, bucket_uid) AS place,
           jsonb_hash_extended(
               history.permissions, uuid_hash_extended(coalesce(collection_uid, bucket_uid), 0)
           ) AS acl
      FROM history
      JOIN bucket ON bucket.uid = history.bucket_uid
     WHERE NOT history.deleted
)
SELECT holder #>> '{}' AS principal, entry.id
  FROM entry
 CROSS JOIN LATERAL jsonb_path_query(entry.permissions, '$.*[*]') AS holder
  JOIN entry_ace ON entry_ace.bucket_uid = entry.bucket_uid
                AND entry_ace.principal = hashtextextended(holder #>> '{}', 0)
                AND entry_ace.place = entry.place
                AND entry_ace.acl = entry.acl
 UNION
SELECT 'readers', entry.id
  FROM entry
  JOIN entry_ace ON entry_ace.bucket_uid = entry.bucket_uid
                AND entry_ace.principal = 0
                AND entry_ace.place = entry.place
                AND entry_ace.acl = entry.acl;

-- owners --
SELECT partition, url
  FROM partition_owner;
