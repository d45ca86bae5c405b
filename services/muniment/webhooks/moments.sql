-- built_to --
-- How far the read model is built from a partition.
SELECT next_offset
  FROM checkpoint
 WHERE partition = $1;

-- objects --
-- The last change of each object up to a moment, of those that there were then. A collection that
-- is gone takes its records along without an event of each. A record or collection whose present
-- version the history has lost is told as it is now, at the moment of its creation, which no other
-- change has.
WITH told AS (
      SELECT h.last_modified, h.id, h.occurred_at, h.action, h.uri, h.collection_uid, h.user_id,
             h.request_id, h.data, h.permissions, h.hidden
        FROM history h
        LEFT JOIN LATERAL (
             SELECT r.last_modified
               FROM record r
              WHERE h.resource_name = 'record'
                AND r.parent = h.collection_uid
                AND r.id = h.object_id
              UNION ALL
             SELECT c.last_modified
               FROM collection c
              WHERE h.resource_name = 'collection'
                AND c.parent = h.bucket_uid
                AND c.id = h.object_id
        ) AS present
          ON true
       WHERE h.bucket_uid = $1
         AND h.last_modified > $2
         AND h.last_modified <= $3
         AND NOT h.deleted
         AND h.action <> 'delete'
         AND NOT EXISTS (SELECT FROM history n
                          WHERE n.bucket_uid = h.bucket_uid
                            AND n.object_id = h.object_id
                            AND n.uri = h.uri
                            AND n.last_modified > h.last_modified
                            AND n.last_modified <= $3)
         AND (h.collection_uid IS NULL
              OR EXISTS (SELECT FROM collection c
                          WHERE c.parent = h.bucket_uid
                            AND c.uid = h.collection_uid))
         AND (h.collection_uid IS NULL
              OR EXISTS (SELECT FROM history n
                          WHERE n.bucket_uid = h.bucket_uid
                            AND n.object_id = h.object_id
                            AND n.uri = h.uri
                            AND n.last_modified >= h.last_modified
                            AND (n.data ->> 'last_modified')::bigint = present.last_modified))
    ORDER BY h.last_modified
       LIMIT $4
),
page AS (
    SELECT CASE WHEN count(*) = $4 THEN max(last_modified) ELSE $3 END AS ends_at
      FROM told
),
lost AS (
    SELECT r.created_order, r.id, r.last_modified, r.created_at, r.updated_at,
           '/buckets/' || $5 || '/collections/' || c.id || '/records/' || r.id AS uri,
           c.uid AS collection_uid, r.data, r.permissions, r.hidden
      FROM page
     CROSS JOIN collection c
      JOIN record r
        ON r.parent = c.uid
     WHERE c.parent = $1
       AND NOT r.deleted
       AND r.created_order > $2
       AND r.created_order <= page.ends_at
     UNION ALL
    SELECT c.created_order, c.id, c.last_modified, c.created_at, c.updated_at,
           '/buckets/' || $5 || '/collections/' || c.id, c.uid, c.data, c.permissions, NULL
      FROM page
     CROSS JOIN collection c
     WHERE c.parent = $1
       AND NOT c.deleted
       AND c.created_order > $2
       AND c.created_order <= page.ends_at
)
  SELECT *
    FROM told
   UNION ALL
  SELECT l.created_order, md5(l.collection_uid || l.uri || l.last_modified)::uuid,
         to_timestamp(coalesce(l.updated_at, l.created_at) / 1000.0),
         CASE WHEN l.updated_at IS NULL THEN 'create' ELSE 'update' END, l.uri, l.collection_uid,
         NULL, '', l.data, l.permissions, l.hidden
    FROM lost l
    -- With a limit, or the whole history would be hashed for each page.
    LEFT JOIN LATERAL (
         SELECT n.last_modified
           FROM history n
          WHERE n.bucket_uid = $1
            AND n.object_id = l.id
            AND n.uri = l.uri
            AND n.collection_uid = l.collection_uid
            AND (n.data ->> 'last_modified')::bigint = l.last_modified
          LIMIT 1
    ) AS known
      ON true
   WHERE known.last_modified IS NULL
ORDER BY last_modified
   LIMIT $4;
