-- project --
-- A project is a bucket that its principal ($2) may write, and not one that somebody has made under
-- its id since; `origins` are those that browsers may ask from.
SELECT b.id IS NOT NULL AS is_there,
       coalesce(b.permissions -> 'write' ? $2, FALSE) AS is_allowed,
       b.data -> 'origins' AS origins
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $1 AND NOT b.deleted
   AND NOT EXISTS (SELECT FROM keys.tenant
                    WHERE tenant.bucket_id = b.id AND tenant.bucket_uid <> b.uid);

-- collection --
-- By its id or its name, as `readmodel.naming` finds it, and what is in it.
SELECT b.id IS NOT NULL AS is_there,
       coalesce(b.permissions -> 'write' ? $2, FALSE) AS is_allowed,
       b.data -> 'origins' AS origins,
       c.*
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $1 AND NOT b.deleted
   AND NOT EXISTS (SELECT FROM keys.tenant
                    WHERE tenant.bucket_id = b.id AND tenant.bucket_uid <> b.uid)
  LEFT JOIN LATERAL (
         SELECT found.*
           FROM ((SELECT 1 AS place, uid, id AS collection_id, data, created_at
                    FROM collection
                   WHERE parent = b.uid AND id = $3 AND NOT deleted
                  OFFSET 0)
                  UNION ALL
                 (SELECT 2, uid, id, data, created_at
                    FROM collection
                   WHERE parent = b.uid
                     AND hashtextextended(data ->> 'name', 0) = hashtextextended($3, 0)
                     AND data -> 'name' = to_jsonb($3::text)
                     AND NOT deleted
                   ORDER BY created_order
                   LIMIT 1)) AS found
          ORDER BY place
          LIMIT 1) AS c ON TRUE;

-- collections --
SELECT b.id IS NOT NULL AS is_there,
       coalesce(b.permissions -> 'write' ? $2, FALSE) AS is_allowed,
       b.data -> 'origins' AS origins,
       c.*
  FROM (VALUES (1)) AS one
  LEFT JOIN bucket AS b
    ON b.parent = '00000000-0000-0000-0000-000000000000' AND b.id = $1 AND NOT b.deleted
   AND NOT EXISTS (SELECT FROM keys.tenant
                    WHERE tenant.bucket_id = b.id AND tenant.bucket_uid <> b.uid)
  LEFT JOIN LATERAL (
         SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'data', data,
                                                      'created_at', created_at)
                                   ORDER BY created_order), '[]') AS collections
           FROM collection
          WHERE parent = b.uid AND NOT deleted) AS c ON TRUE;

-- document_count --
SELECT count(*) AS found
  FROM record
 WHERE parent = $1 AND NOT deleted;

-- object --
-- A document's own object: the server's fields away, the user's of the same names over them.
((o.data - '{{id,last_modified,schema}}'::text[]) || coalesce(o.hidden, '{{}}'))

-- document --
-- As JSON text without the collection, which is the same for all.
'{{"id":' || to_json(o.id)
    || ',"collection_id":' || {collection_id}
    || ',"data":' || {object}::text
    || ',"created_at":' || to_json(to_char(to_timestamp(o.created_at / 1000.0) AT TIME ZONE 'UTC', '{time}'))
    || ',"updated_at":' || coalesce(to_json(to_char(to_timestamp(o.updated_at / 1000.0) AT TIME ZONE 'UTC', '{time}'))::text, 'null')
    || ',"collection":' || {collection} || '}}'

-- documents --
-- None of more than {bytes_max} bytes: a text of more than a gigabyte is an error of Postgres.
WITH page AS MATERIALIZED (
    SELECT {document} AS document
      FROM record AS o
     WHERE o.parent = {parent}
       AND NOT o.deleted
       AND {condition}
     ORDER BY {order}
     LIMIT {limit}
    OFFSET {offset}
),
size AS (
    SELECT coalesce(sum(octet_length(document) + 1), 0) <= {bytes_max} AS fits
      FROM page
)
SELECT size.fits,
       CASE WHEN size.fits THEN (SELECT string_agg(document, ',') FROM page) END AS documents
  FROM size;

-- named_documents --
-- In the order in which they are named.
SELECT string_agg({document}, ',' ORDER BY named.place) AS documents
  FROM unnest({ids}) WITH ORDINALITY AS named (id, place)
  JOIN record AS o ON o.parent = {parent} AND o.id = named.id AND NOT o.deleted;

-- count --
SELECT count(*) AS found
  FROM record AS o
 WHERE o.parent = {parent}
   AND NOT o.deleted
   AND {condition};

-- created_at --
SELECT coalesce(array_agg(id), '{}') AS ids,
       coalesce(array_agg(created_at), '{}') AS moments
  FROM record
 WHERE parent = $1 AND id = ANY ($2::text[]) AND NOT deleted;

-- sort_key --
-- Missing and null first, then booleans, numbers, texts by code points, and all else.
CASE coalesce(jsonb_typeof({field}), 'null')
         WHEN 'null' THEN 0 WHEN 'boolean' THEN 1 WHEN 'number' THEN 2 WHEN 'string' THEN 3 ELSE 4
         END {direction},
         CASE jsonb_typeof({field})
         WHEN 'number' THEN ({field} #>> '{{}}')::numeric
         WHEN 'boolean' THEN ({field} = 'true')::integer::numeric
         END {direction},
         CASE jsonb_typeof({field}) WHEN 'string' THEN {field} #>> '{{}}' END COLLATE "C" {direction}

-- ids --
SELECT coalesce(array_agg(found.id), '{{}}') AS ids
  FROM (SELECT o.id
          FROM record AS o
         WHERE o.parent = {parent}
           AND NOT o.deleted
           AND {condition}
         LIMIT {limit}) AS found;

-- groups --
SELECT coalesce(jsonb_agg(jsonb_build_object({name}, value, 'count', number)
                          ORDER BY number DESC, value), '[]') AS groups
  FROM (SELECT value, count(*) AS number
          FROM (SELECT {field} AS value
                  FROM record AS o
                 WHERE o.parent = {parent}
                   AND NOT o.deleted
                   AND {condition}) AS found
         WHERE jsonb_typeof(value) <> 'null'
         GROUP BY value
         ORDER BY count(*) DESC, value
         LIMIT {limit}) AS found;

-- aggregate --
-- A CASE, as a condition does not keep Postgres from casting first.
SELECT {result} AS result
  FROM (SELECT kind,
               CASE WHEN kind = 'number' THEN (value #>> '{{}}')::numeric END AS number
          FROM (SELECT {field} AS value, jsonb_typeof({field}) AS kind
                  FROM record AS o
                 WHERE o.parent = {parent}
                   AND NOT o.deleted
                   AND {condition}) AS found) AS found;

-- result_of_count --
count(*) FILTER (WHERE kind <> 'null')

-- result_of_sum --
coalesce(sum(number), 0)

-- result_of_avg --
trim_scale(avg(number))

-- result_of_min --
min(number)

-- result_of_max --
max(number)
