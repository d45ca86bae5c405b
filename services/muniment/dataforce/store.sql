-- organizations --
-- The organizations that a user is in, and the groups that say as what. Only those count that an
-- administrator made: anybody may make a bucket that looks like one, or has the id that one had.
SELECT coalesce(jsonb_agg(to_jsonb(found) ORDER BY found.created_at, found.id), '[]') AS found
  FROM (SELECT bucket.id, bucket.data, bucket.created_at, bucket.updated_at,
               array_agg(membership.group_id) AS groups
          FROM membership
          JOIN bucket
            ON bucket.uid = membership.bucket_uid
          JOIN keys.tenant
            ON tenant.bucket_id = bucket.id
           AND coalesce(tenant.bucket_uid, bucket.uid) = bucket.uid
           AND tenant.kind = 'organization'
         WHERE membership.member = $1
         GROUP BY bucket.id, bucket.data, bucket.created_at, bucket.updated_at) AS found;

-- groups_in_organization --
SELECT ARRAY (SELECT membership.group_id
                FROM keys.tenant
                JOIN bucket
                  ON bucket.parent = '00000000-0000-0000-0000-000000000000'
                 AND bucket.id = tenant.bucket_id
                 AND coalesce(tenant.bucket_uid, bucket.uid) = bucket.uid
                JOIN membership
                  ON membership.bucket_uid = bucket.uid
                 AND membership.member = $1
               WHERE tenant.bucket_id = $2
                 AND tenant.kind = 'organization') AS groups;

-- orbits --
-- The orbits of an organization, or one of them, as a user sees them.
SELECT coalesce(jsonb_agg(to_jsonb(found) ORDER BY found.created_at, found.id), '[]') AS found
  FROM (SELECT bucket.id, bucket.uid, bucket.data, bucket.created_at, bucket.updated_at,
               ARRAY (SELECT group_id
                        FROM membership
                       WHERE membership.member = $1
                         AND membership.bucket_uid = bucket.uid) AS groups,
               (SELECT count(DISTINCT membership.member)
                  FROM membership
                 WHERE membership.bucket_uid = bucket.uid) AS members,
               (SELECT count(*)
                  FROM collection
                 WHERE collection.parent = bucket.uid
                   AND NOT collection.deleted) AS collections
          FROM keys.tenant
          JOIN bucket
            ON bucket.parent = '00000000-0000-0000-0000-000000000000'
           AND bucket.id = tenant.bucket_id
           AND coalesce(tenant.bucket_uid, bucket.uid) = bucket.uid
           AND NOT bucket.deleted
         WHERE tenant.kind = 'orbit'
           AND tenant.parent_id = $2
           AND ($3::text IS NULL OR tenant.bucket_id = $3)) AS found;

-- orbit_access --
-- What a user is in an organization and in one orbit of it, if there is such an orbit.
SELECT jsonb_build_object(
           'groups', ARRAY (SELECT membership.group_id
                              FROM keys.tenant
                              JOIN bucket
                                ON bucket.parent = '00000000-0000-0000-0000-000000000000'
                               AND bucket.id = tenant.bucket_id
                               AND coalesce(tenant.bucket_uid, bucket.uid) = bucket.uid
                              JOIN membership
                                ON membership.bucket_uid = bucket.uid
                               AND membership.member = $1
                             WHERE tenant.bucket_id = $2
                               AND tenant.kind = 'organization'),
           'orbit', (SELECT jsonb_build_object(
                                'uid', bucket.uid,
                                'groups', ARRAY (SELECT membership.group_id
                                                   FROM membership
                                                  WHERE membership.member = $1
                                                    AND membership.bucket_uid = bucket.uid))
                       FROM keys.tenant
                       JOIN bucket
                         ON bucket.parent = '00000000-0000-0000-0000-000000000000'
                        AND bucket.id = tenant.bucket_id
                        AND coalesce(tenant.bucket_uid, bucket.uid) = bucket.uid
                        AND NOT bucket.deleted
                      WHERE tenant.bucket_id = $3
                        AND tenant.kind = 'orbit'
                        AND tenant.parent_id = $2)) AS found;

-- shown --
-- The collections of a bucket ($1 is its uid) as this dialect sees them, also those that were made
-- in another way (section 10).
shown AS (
    SELECT o.id, o.uid, o.created_at, o.updated_at,
           (CASE WHEN jsonb_typeof(o.data -> 'name') = 'string'
                 THEN o.data ->> 'name' ELSE o.id END) COLLATE "C" AS name,
           (CASE WHEN jsonb_typeof(o.data -> 'description') = 'string'
                 THEN o.data ->> 'description' ELSE '' END) COLLATE "C" AS description,
           (CASE WHEN jsonb_typeof(o.data -> 'collection_type') = 'string'
                 THEN o.data ->> 'collection_type' ELSE 'model' END) COLLATE "C" AS kind,
           (CASE WHEN jsonb_typeof(o.data -> 'tags') = 'array'
                 THEN o.data -> 'tags' END) AS tags
      FROM collection AS o
     WHERE o.parent = $1::uuid
       AND NOT o.deleted
)

-- total --
(SELECT count(*)
   FROM record
  WHERE record.parent = chosen.uid
    AND NOT record.deleted)

-- page --
WITH {shown},
chosen AS (
    SELECT *
      FROM shown
     WHERE {where}
),
page AS (
    SELECT chosen.*, {value} AS value
      FROM chosen
     WHERE {after}
     ORDER BY value {direction}, id {direction}
     LIMIT {limit}
)
SELECT coalesce(jsonb_agg(to_jsonb(chosen) || jsonb_build_object('total', {total})
                ORDER BY value {direction}, id {direction}), '[]') AS found
  FROM page AS chosen;

-- one --
WITH {shown}
SELECT (SELECT to_jsonb(chosen) || jsonb_build_object('total', {total})
          FROM shown AS chosen
         WHERE chosen.id = $2) AS found;

-- foreign_ids --
-- Ids that are no UUID, of collections that were made in another way.
SELECT ARRAY (SELECT o.id
                FROM collection AS o
               WHERE o.parent = $1::uuid
                 AND NOT o.deleted
                 AND o.id !~ $2) AS ids;

-- tags --
WITH {shown}
SELECT coalesce(jsonb_agg(DISTINCT tag), '[]') AS found
  FROM shown
 CROSS JOIN LATERAL jsonb_array_elements(shown.tags) AS tag
 WHERE jsonb_typeof(tag) = 'string';
