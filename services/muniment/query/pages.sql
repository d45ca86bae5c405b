-- page --
-- The body of the answer, of what was chosen: `data` and `sort_values` of the objects of the page, and
-- of one more where there is a next page.
SELECT convert_to(
           '{{"data":[' || coalesce(array_to_string((array_agg(chosen.data::text))[1:{limit}], ','), '')
               || ']}}',
           'UTF8'
       ) AS body,
       CASE WHEN count(*) > {limit} THEN (array_agg(chosen.sort_values))[{limit}] END AS last,
       NULL::bigint AS matches,
       {has_shared} AS has_shared
  FROM ({chosen}) AS chosen

-- count --
SELECT NULL::bytea AS body,
       NULL::jsonb AS last,
       count(*) AS matches,
       {has_shared} AS has_shared
  FROM ({chosen}) AS chosen
