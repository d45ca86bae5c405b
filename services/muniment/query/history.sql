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
-- The body of the answer. One entry more than the page holds is fetched: it tells whether there
-- is a next page. A client that has the list as it is (`skipped_at`) gets no rows.
SELECT convert_to(
           '{{"data":[' || coalesce(array_to_string((array_agg(chosen.entry::text))[1:{limit}], ','), '')
               || ']}}',
           'UTF8'
       ) AS body,
       CASE WHEN count(*) > {limit} THEN (array_agg(chosen.sort_values))[{limit}] END AS last,
       NULL::bigint AS matches,
       {has_visible} AS has_visible
  FROM (SELECT {entry} AS entry, {sort_values} AS sort_values
          FROM history AS o
         WHERE o.bucket_uid = b.uid
           AND t.last_modified IS DISTINCT FROM {skipped_at}
           AND {visible}
           AND {where}
           AND {after}
         ORDER BY {order}
         LIMIT {limit} + 1) AS chosen

-- count --
SELECT NULL::bytea AS body,
       NULL::jsonb AS last,
       count(*) AS matches,
       {has_visible} AS has_visible
  FROM history AS o
 WHERE o.bucket_uid = b.uid
   AND t.last_modified IS DISTINCT FROM {skipped_at}
   AND {visible}
   AND {where}

-- sees_all --
(b.permissions -> 'read' ?| {principals} OR b.permissions -> 'write' ?| {principals})

-- sees_entry --
-- HIS-8: whether one of the principals could read the entry's object when the entry was made, by the
-- ACEs that it had then, or that its collection or bucket had. Whether those ever named one of them
-- is asked once: most strangers' requests end there.
NOT o.deleted AND (
    {own}
    OR (
        EXISTS (SELECT
                  FROM past_acl AS acl
                 WHERE acl.bucket_uid = b.uid AND {reads})
        AND (
            (SELECT {reads}
               FROM past_acl AS acl
              WHERE acl.bucket_uid = o.bucket_uid
                AND acl.uid = o.bucket_uid
                AND acl.since <= o.last_modified
              ORDER BY acl.since DESC
              LIMIT 1)
            OR (SELECT {reads}
                  FROM past_acl AS acl
                 WHERE acl.bucket_uid = o.bucket_uid
                   AND acl.uid = o.collection_uid
                   AND acl.since <= o.last_modified
                 ORDER BY acl.since DESC
                 LIMIT 1)
        )
    )
)

-- reads --
(acl.permissions -> 'read' ?| {principals} OR acl.permissions -> 'write' ?| {principals})

-- has_visible --
EXISTS (SELECT
          FROM history AS o
         WHERE o.bucket_uid = b.uid AND {visible})

-- snapshot --
-- The records of a collection as they were at a moment (SNAP-1, SNAP-2): those that have not changed
-- since as they are, the others by their last version until then. A collection that began later was
-- another one then, whose records are in the history alone. $4 are those as whose member a group
-- speaks for the requester.
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
    SELECT o.data, o.last_modified, o.id
      FROM place
      JOIN record AS o ON o.parent = place.life
     WHERE place.life = place.collection_uid
       AND NOT o.deleted
       AND o.last_modified <= $3
    UNION ALL
    SELECT version.data, version.last_modified, o.id
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
    SELECT version.data, version.last_modified, version.object_id
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
       (SELECT convert_to(
                   '{{"data":['
                       || coalesce(
                              string_agg(data::text, ',' ORDER BY last_modified DESC, id), '')
                       || ']}}',
                   'UTF8')
          FROM chosen) AS body
  FROM place;
