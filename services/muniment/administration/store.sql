-- buckets --
-- The buckets that live, in the order of the ids.
SELECT bucket.id, bucket.data
  FROM unnest($1::text[]) WITH ORDINALITY AS asked (id, place)
  JOIN bucket
    ON bucket.parent = '00000000-0000-0000-0000-000000000000'
   AND bucket.id = asked.id
   AND NOT bucket.deleted
 ORDER BY asked.place;
