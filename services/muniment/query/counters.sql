-- count_all --
WITH living_bucket AS (
    SELECT uid FROM bucket WHERE NOT deleted
),
living_collection AS (
    SELECT collection.uid
      FROM collection
      JOIN living_bucket ON living_bucket.uid = collection.parent
     WHERE NOT deleted
),
counted AS (
    SELECT 'bucket' AS kind, deleted, count(*) AS objects
      FROM bucket
     GROUP BY deleted
    UNION ALL
    SELECT 'collection', deleted, count(*)
      FROM collection
     WHERE parent IN (SELECT uid FROM living_bucket)
     GROUP BY deleted
    UNION ALL
    SELECT 'group', deleted, count(*)
      FROM "group"
     WHERE parent IN (SELECT uid FROM living_bucket)
     GROUP BY deleted
    UNION ALL
    SELECT 'webhook', deleted, count(*)
      FROM webhook
     WHERE parent IN (SELECT uid FROM living_bucket)
     GROUP BY deleted
    UNION ALL
    SELECT 'record', deleted, count(*)
      FROM record
     WHERE parent IN (SELECT uid FROM living_collection)
     GROUP BY deleted
    UNION ALL
    SELECT 'history', deleted, count(*)
      FROM history
     WHERE bucket_uid IN (SELECT uid FROM living_bucket)
     GROUP BY deleted
    UNION ALL
    SELECT 'account', deleted, count(*)
      FROM accounts.account
     GROUP BY deleted
)
SELECT jsonb_agg(jsonb_build_array(kind, deleted, objects) ORDER BY kind, deleted) AS counts
  FROM counted;
