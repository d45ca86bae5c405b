-- built_to --
-- How far the read model is built from a partition.
SELECT next_offset
  FROM checkpoint
 WHERE partition = $1;

-- objects --
-- The last change of each object up to a moment, of those that were there then. A collection that
-- is gone takes its records along without an event of each.
  SELECT h.last_modified, h.id, h.occurred_at, h.action, h.uri, h.collection_uid, h.user_id,
         h.request_id, h.data, h.permissions, h.hidden
    FROM history h
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
ORDER BY h.last_modified
   LIMIT $4;
