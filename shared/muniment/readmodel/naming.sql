-- find_by_name --
-- The collection of a bucket ($1) that a name ($2) stands for: the one with that id, else the first
-- that was made of those with that name in their data; never a certain one ($3).
WITH below AS (
    SELECT uid
      FROM bucket
     WHERE parent = '00000000-0000-0000-0000-000000000000'
       AND id = $1
),
found AS (
    SELECT collection.id, 0 AS rank, collection.created_order
      FROM below
      JOIN collection ON collection.parent = below.uid
     WHERE collection.id = $2
       AND NOT collection.deleted
    UNION ALL
    SELECT collection.id, 1, collection.created_order
      FROM below
      JOIN collection ON collection.parent = below.uid
     WHERE hashtextextended(collection.data ->> 'name', 0) = hashtextextended($2::text, 0)
       AND collection.data -> 'name' = to_jsonb($2::text)
       AND NOT collection.deleted
)
  SELECT id
    FROM found
   WHERE id IS DISTINCT FROM $3::text
ORDER BY rank, created_order
   LIMIT 1;
