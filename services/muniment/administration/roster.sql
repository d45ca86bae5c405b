-- buckets --
-- One that is gone has nothing but its id.
SELECT coalesce(jsonb_agg(coalesce(bucket.data, jsonb_build_object('id', asked.id))
                          ORDER BY asked.place), '[]') AS found
  FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, place)
  LEFT JOIN bucket
    ON bucket.parent = '00000000-0000-0000-0000-000000000000'
   AND bucket.id = asked.id
   AND NOT bucket.deleted;

-- groups --
SELECT coalesce(jsonb_agg(to_jsonb(o) ORDER BY o.id), '[]') AS found
  FROM bucket
  JOIN "group" AS o
    ON o.parent = bucket.uid
   AND NOT o.deleted
 WHERE bucket.parent = '00000000-0000-0000-0000-000000000000'
   AND bucket.id = $1;
