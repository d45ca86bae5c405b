-- date --
to_char(o.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')

-- target --
CASE WHEN NOT o.deleted
     THEN jsonb_build_object('data', o.data, 'permissions', o.permissions)
END

-- entry --
-- An entry as clients see it (HIS-2), or what is left of it.
CASE WHEN o.deleted
     THEN jsonb_build_object('id', o.id, 'last_modified', o.last_modified, 'deleted', TRUE)
     ELSE jsonb_build_object(
              'id', o.id,
              'last_modified', o.last_modified,
              'date', {date},
              'action', o.action,
              'resource_name', o.resource_name,
              'uri', o.uri,
              'user_id', o.user_id,
              o.resource_name || '_id', o.object_id,
              'target', jsonb_build_object('data', o.data, 'permissions', o.permissions)
          )
          || CASE WHEN o.resource_name = 'record'
                  THEN jsonb_build_object('collection_id', o.collection_id)
                  ELSE jsonb_build_object()
             END
END

-- select_entries --
-- One page of a history, and one entry more, which tells that there is another page.
SELECT o.id::text AS id, o.last_modified, {sort_values}::text AS sort_values
  FROM history AS o
 WHERE o.bucket_uid = {bucket_uid}
   AND {where}
   AND {after}
 ORDER BY {order}
 LIMIT {fetched};
