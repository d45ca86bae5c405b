-- entries --
-- What the requester's principals are listed for, anywhere. What is found is read from `entry`.
{asker},
wanted AS MATERIALIZED (
    SELECT unnest({named}) AS principal
),
-- What the settings give the requester (PRM-4).
setting AS MATERIALIZED (
    SELECT DISTINCT one.resource_name, one.permission
      FROM unnest({settings}) AS one (resource_name, permission, principal)
     WHERE ARRAY[one.principal] && {principals}
),
implied AS MATERIALIZED (
    SELECT *
      FROM unnest({implied}) AS one (resource_name, held, given)
),
-- The root has no id: `~` is greater than all there are, as what is missing is (10.3).
entry AS NOT MATERIALIZED (
    SELECT '/' AS uri, 'root' AS resource_name, NULL AS bucket_id, NULL AS collection_id,
           NULL AS group_id, NULL AS record_id, NULL AS webhook_id, '~' AS id, '{{}}'::jsonb AS permissions
     WHERE EXISTS (SELECT FROM setting WHERE resource_name = 'root')
    UNION ALL
    {objects}
)
{found};

-- accounts --
-- The accounts whose ACEs name one of the principals.
SELECT '/accounts/' || o.id, 'account', NULL, NULL, NULL, NULL, NULL, o.id, o.permissions
  FROM accounts.account AS o
 WHERE NOT o.deleted
   AND jsonb_path_query_array(o.permissions, '$.*[*]') ?| {principals}
   AND {visible}

-- page --
SELECT sorted.sort_values,
       jsonb_strip_nulls(
           jsonb_build_object(
               'uri', sorted.uri,
               'resource_name', sorted.resource_name,
               'bucket_id', sorted.bucket_id,
               'collection_id', sorted.collection_id,
               'group_id', sorted.group_id,
               'record_id', sorted.record_id,
               'webhook_id', sorted.webhook_id,
               'id', nullif(sorted.id, '~'),
               'permissions', (
                   SELECT jsonb_agg(DISTINCT implied.given)
                     FROM implied
                    WHERE implied.resource_name = sorted.resource_name
                      AND (sorted.permissions -> implied.held ?| {principals}
                           OR EXISTS (
                               SELECT
                                 FROM setting
                                WHERE setting.resource_name = implied.resource_name
                                  AND setting.permission = implied.held)))
           )
       ) AS data
  FROM (SELECT o.*, {sort_values} AS sort_values
          FROM (SELECT *, 0::bigint AS last_modified, FALSE AS deleted FROM entry) AS o
         WHERE {where}
           AND {after}
         ORDER BY {order}
         LIMIT {limit} + 1) AS sorted

-- all_entries --
SELECT
  FROM (SELECT *, 0::bigint AS last_modified, FALSE AS deleted FROM entry) AS o
 WHERE {where}
