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
SELECT '/buckets/' || id AS uri, data, permissions
  FROM bucket
UNION ALL
SELECT life.uri || '/collections/' || id, data, permissions
  FROM life
  JOIN collection ON collection.parent = life.uid
UNION ALL
SELECT life.uri || '/groups/' || id, data, permissions
  FROM life
  JOIN "group" ON "group".parent = life.uid
UNION ALL
SELECT nested.uri || '/records/' || id, data, permissions
  FROM nested
  JOIN record ON record.parent = nested.uid;

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
             'permissions', history.permissions
         ) AS entry
    FROM bucket
    JOIN history ON history.bucket_uid = bucket.uid
ORDER BY history.last_modified;

-- owners --
SELECT partition, url
  FROM partition_owner;
