-- read_webhook_data --
-- A webhook's data, or nothing where it is not there.
SELECT (SELECT o.data
          FROM webhook AS o
         WHERE o.parent = b.uid AND o.id = $2 AND NOT o.deleted) AS data
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $1 AND NOT b.deleted;
