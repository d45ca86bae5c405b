-- schema: read_model
--
-- Entries of a history by the ACEs that their objects had, for those who may not read the bucket
-- (HIS-8); and no more rows of `ace` for ACEs that no bucket has.

-- A principal that entries of a place name, and the hash of the place and of all ACEs of such entries.
-- The place is the life of their collection, else of their bucket. Principal 0 stands for who could
-- read the place itself: it has a row for each `acl` there. Swept away with the bucket.
CREATE TABLE entry_ace (
    bucket_uid uuid   NOT NULL,
    principal  bigint NOT NULL,  -- hashtextextended(…, 0)
    place      uuid   NOT NULL,
    acl        bigint NOT NULL,
    PRIMARY KEY (bucket_uid, principal, place, acl)
);

CREATE INDEX history_by_acl
    ON history (
           jsonb_hash_extended(permissions, uuid_hash_extended(coalesce(collection_uid, bucket_uid), 0)),
           last_modified
       )
 WHERE NOT deleted;

WITH acl AS (
    SELECT DISTINCT bucket_uid, coalesce(collection_uid, bucket_uid) AS place, permissions
      FROM history
     WHERE NOT deleted
)
INSERT INTO entry_ace (bucket_uid, principal, place, acl)
SELECT bucket_uid, 0, place, jsonb_hash_extended(permissions, uuid_hash_extended(place, 0))
  FROM acl
 UNION
SELECT bucket_uid, hashtextextended(holder #>> '{}', 0), place,
       jsonb_hash_extended(permissions, uuid_hash_extended(place, 0))
  FROM acl
 CROSS JOIN LATERAL jsonb_path_query(permissions, '$.*[*]') AS holder;

DELETE FROM ace
 WHERE kind = 'bucket'
   AND NOT EXISTS (
       SELECT
         FROM bucket AS o
        WHERE jsonb_hash_extended(o.permissions, uuid_hash_extended(o.parent, 0)) = ace.acl
   );
