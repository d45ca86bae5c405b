-- find_traces --
-- The objects of a partition ($2) whose ACEs name a principal ($1) and the groups it is a member of,
-- those with others below them first.
WITH names AS (
    SELECT kind, parent, acl
      FROM ace
     WHERE principal = hashtextextended($1::text, 0)
),
traces AS (
    SELECT 1 AS rank, '/buckets/' || o.id AS uri, o.permissions
      FROM names
      JOIN bucket AS o ON o.parent = names.parent AND {acl} = names.acl
     WHERE names.kind = 'bucket' AND NOT o.deleted AND o.partition = $2
    UNION ALL
    SELECT 2, '/buckets/' || b.id || '/collections/' || o.id, o.permissions
      FROM names
      JOIN bucket AS b ON b.uid = names.parent AND b.partition = $2
      JOIN collection AS o ON o.parent = names.parent AND {acl} = names.acl
     WHERE names.kind = 'collection' AND NOT o.deleted
    UNION ALL
    SELECT 3, '/buckets/' || b.id || '/groups/' || o.id, o.permissions
      FROM names
      JOIN bucket AS b ON b.uid = names.parent AND b.partition = $2
      JOIN "group" AS o ON o.parent = names.parent AND {acl} = names.acl
     WHERE names.kind = 'group' AND NOT o.deleted
    UNION ALL
    SELECT 3, '/buckets/' || b.id || '/webhooks/' || o.id, o.permissions
      FROM names
      JOIN bucket AS b ON b.uid = names.parent AND b.partition = $2
      JOIN webhook AS o ON o.parent = names.parent AND {acl} = names.acl
     WHERE names.kind = 'webhook' AND NOT o.deleted
    UNION ALL
    SELECT 3, '/buckets/' || b.id || '/groups/' || membership.group_id, NULL
      FROM membership
      JOIN bucket AS b ON b.uid = membership.bucket_uid AND b.partition = $2
     WHERE membership.member = $1
    UNION ALL
    SELECT 4, '/buckets/' || b.id || '/collections/' || c.id || '/records/' || o.id, o.permissions
      FROM names
      JOIN collection AS c ON c.uid = names.parent
      JOIN bucket AS b ON b.uid = c.parent AND b.partition = $2
      JOIN record AS o ON o.parent = names.parent AND {acl} = names.acl
     WHERE names.kind = 'record' AND NOT o.deleted
)
  SELECT uri
    FROM traces
   WHERE permissions IS NULL
      OR jsonb_path_exists(permissions, '$.*[*] ? (@ == $one)', jsonb_build_object('one', $1::text))
GROUP BY uri
ORDER BY min(rank), uri
   LIMIT $3;
