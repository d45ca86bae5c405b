-- snapshot --
-- The records of a collection as they were at a moment (SNAP-1, SNAP-2): those that have not changed
-- since as they are, the others by their last version until then. A collection that began later was
-- another one then, whose records are in the history alone. $4 are those as whose member a group
-- speaks for the requester. No body is made of more than {bytes_max} bytes of records: a text of more
-- than a gigabyte is an error of Postgres.
WITH place AS (
    SELECT b.uid AS bucket_uid, c.uid AS collection_uid,
           b.permissions AS bucket_permissions, c.permissions AS collection_permissions,
           coalesce(
               (SELECT h.collection_uid
                  FROM history AS h
                 WHERE h.bucket_uid = b.uid
                   AND h.object_id = $2
                   AND h.resource_name = 'collection'
                   AND h.action = 'create'
                   AND h.occurred_at <= to_timestamp($3::bigint / 1000.0)
                 ORDER BY h.last_modified DESC
                 LIMIT 1),
               c.uid
           ) AS life
      FROM (VALUES (1)) AS one
      LEFT JOIN bucket AS b
        ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $1 AND NOT b.deleted
      LEFT JOIN collection AS c ON c.parent = b.uid AND c.id = $2 AND NOT c.deleted
),
chosen AS (
    SELECT o.data::text AS text, o.last_modified, o.id
      FROM place
      JOIN record AS o ON o.parent = place.life
     WHERE place.life = place.collection_uid
       AND NOT o.deleted
       AND o.last_modified <= $3
    UNION ALL
    SELECT version.data::text, version.last_modified, o.id
      FROM place
      JOIN record AS o ON o.parent = place.life
     CROSS JOIN LATERAL (
           SELECT h.data, h.action, (h.data ->> 'last_modified')::bigint AS last_modified
             FROM history AS h
            WHERE h.bucket_uid = place.bucket_uid
              AND h.object_id = o.id
              AND h.collection_uid = place.life
              AND h.resource_name = 'record'
              AND (h.data ->> 'last_modified')::bigint <= $3
            ORDER BY h.last_modified DESC
            LIMIT 1) AS version
     WHERE place.life = place.collection_uid
       AND o.last_modified > $3
       AND version.action <> 'delete'
    UNION ALL
    SELECT version.data::text, version.last_modified, version.object_id
      FROM place
     CROSS JOIN LATERAL (
           SELECT DISTINCT ON (h.object_id)
                  h.object_id, h.data, h.action, (h.data ->> 'last_modified')::bigint AS last_modified
             FROM history AS h
            WHERE h.bucket_uid = place.bucket_uid
              AND h.collection_uid = place.life
              AND h.resource_name = 'record'
              AND (h.data ->> 'last_modified')::bigint <= $3
            ORDER BY h.object_id, h.last_modified DESC) AS version
     WHERE place.life IS DISTINCT FROM place.collection_uid
       AND version.action <> 'delete'
       AND NOT EXISTS (
           SELECT
             FROM history AS ended
            WHERE ended.bucket_uid = place.bucket_uid
              AND ended.object_id = $2
              AND ended.resource_name = 'collection'
              AND ended.action = 'delete'
              AND ended.collection_uid = place.life
              AND ended.occurred_at <= to_timestamp($3::bigint / 1000.0))
)
SELECT {groups} AS groups,
       place.bucket_permissions,
       place.collection_permissions,
       CASE WHEN (SELECT coalesce(sum(octet_length(text) + 1), 0) FROM chosen) <= {bytes_max}
            THEN (SELECT convert_to(
                             '{{"data":['
                                 || coalesce(
                                        string_agg(text, ',' ORDER BY last_modified DESC, id), '')
                                 || ']}}',
                             'UTF8')
                    FROM chosen)
        END AS body
  FROM place;
