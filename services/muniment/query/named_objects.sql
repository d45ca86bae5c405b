-- objects --
-- The objects of a kind whose own ACEs name one of the principals (PRM-1), list by list. Of a short list
-- they are gathered by their ACEs. A long one is read in the order of its ids as far as the page goes
-- (`first`): within a list that is the order of URIs too.
SELECT o.uri, '{kind}', o.bucket_id, o.collection_id, o.group_id, o.record_id, o.webhook_id, o.id,
       o.permissions
  FROM (SELECT found.*, {prefix} AS prefix, {in_bucket} AS in_bucket, {in_collection} AS in_collection
          FROM ({lists}) AS found
          {parents}) AS list
 CROSS JOIN LATERAL (
       (SELECT o.*
          FROM (SELECT {fields}
                  FROM (SELECT *
                          FROM {table} AS o
                         WHERE {acl} = ANY (list.acls)
                           AND NOT o.deleted
                        OFFSET 0) AS o
                 WHERE o.parent = list.parent
                   AND {visible}) AS o
         WHERE NOT list.is_long
           AND {where}
           AND {after}
         {first})
        UNION ALL
       (SELECT o.*
          FROM (SELECT {fields}
                  FROM {table} AS o
                 WHERE o.parent = list.parent
                   AND NOT o.deleted
                   AND (list.acls IS NULL OR {visible})
                   AND {id_after}) AS o
         WHERE list.is_long
           AND {where}
           AND {after}
         {first})) AS o

-- fields --
list.prefix || o.id AS uri, '{kind}' AS resource_name, {bucket_id} AS bucket_id,
                       {collection_id} AS collection_id, {group_id} AS group_id,
                       {record_id} AS record_id, {webhook_id} AS webhook_id, o.id, o.permissions,
                       0::bigint AS last_modified, FALSE AS deleted

-- lists --
-- The lists in which objects name one of the principals, and all the ACEs that do.
SELECT named.*, {is_long} AS is_long
  FROM (SELECT ace.parent, array_agg(DISTINCT ace.acl) AS acls
          FROM ace
         WHERE ace.kind = '{kind}'
           AND ace.principal = ANY (ARRAY (SELECT principal FROM wanted))
           AND {is_asked}
         GROUP BY ace.parent) AS named

-- is_long --
(SELECT count(*)
   FROM (SELECT
           FROM {table} AS o
          WHERE {acl} = ANY (named.acls)
          LIMIT {short_max} + 1) AS short) > {short_max}

-- all_lists --
-- Every list, where the settings give the requester something on all objects of the kind.
UNION ALL
SELECT parent, NULL::bigint[], TRUE
  FROM ({parents}) AS every (parent)
 WHERE {is_granted}

-- is_granted --
EXISTS (SELECT FROM setting WHERE resource_name = '{kind}')

-- id_after --
-- What comes after a URI in a list, in a form that an index can start from. No id has a `~`.
o.id {beyond} CASE WHEN starts_with({last}, list.prefix) THEN substr({last}, length(list.prefix) + 1)
                   WHEN {last} COLLATE "C" > list.prefix THEN '{if_greater}'
                   ELSE '{if_less}'
              END COLLATE "C"
