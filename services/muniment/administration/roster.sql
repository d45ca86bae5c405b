-- buckets --
-- One that is gone has nothing but its id, also where somebody has made another under it since.
SELECT coalesce(jsonb_agg(coalesce(bucket.data, jsonb_build_object('id', asked.id))
                          ORDER BY asked.place), '[]') AS found
  FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, place)
  LEFT JOIN bucket
    ON bucket.parent = '00000000-0000-0000-0000-000000000000'
   AND bucket.id = asked.id
   AND NOT bucket.deleted
   AND NOT EXISTS (SELECT FROM keys.tenant
                    WHERE tenant.bucket_id = bucket.id AND tenant.bucket_uid <> bucket.uid);

-- is_anothers --
SELECT EXISTS (SELECT FROM bucket
                 JOIN keys.tenant
                   ON tenant.bucket_id = bucket.id
                  AND tenant.bucket_uid <> bucket.uid
                WHERE bucket.parent = '00000000-0000-0000-0000-000000000000'
                  AND bucket.id = $1
                  AND NOT bucket.deleted) AS found;

-- groups --
SELECT coalesce(jsonb_agg(to_jsonb(o) ORDER BY o.id), '[]') AS found
  FROM bucket
  JOIN "group" AS o
    ON o.parent = bucket.uid
   AND NOT o.deleted
 WHERE bucket.parent = '00000000-0000-0000-0000-000000000000'
   AND bucket.id = $1
   AND NOT EXISTS (SELECT FROM keys.tenant
                    WHERE tenant.bucket_id = bucket.id AND tenant.bucket_uid <> bucket.uid);
