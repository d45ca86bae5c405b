-- page --
-- The body of the answer, of what was chosen: `data` and `sort_values` of the objects of the page, and
-- of one more where there is a next page. The page ends early before it is larger than {bytes_max}, but
-- not before its first object. What is read is bounded by its size as it is stored, lest all that could
-- follow is read as well: what is compressed counts four times, and may still be more.
SELECT convert_to(
           '{{"data":['
               || coalesce(array_to_string(array_agg(shown.text) FILTER (WHERE shown.fits), ','), '')
               || ']}}',
           'UTF8'
       ) AS body,
       CASE WHEN count(*) > count(*) FILTER (WHERE shown.fits)
            THEN (array_agg(shown.sort_values) FILTER (WHERE shown.fits))
                     [count(*) FILTER (WHERE shown.fits)]
        END AS last,
       NULL::bigint AS matches,
       {has_shared} AS has_shared
  FROM (SELECT kept.text,
               kept.sort_values,
               kept.text IS NOT NULL
                   AND (kept.number = 1
                        OR sum(octet_length(kept.text)) OVER (ROWS UNBOUNDED PRECEDING)
                            <= {bytes_max}) AS fits
          FROM (SELECT counted.number,
                       counted.sort_values,
                       CASE WHEN counted.number = 1
                              OR (counted.number <= {limit} AND counted.stored <= {bytes_max})
                            THEN counted.data::text
                        END AS text
                  FROM (SELECT chosen.data,
                               chosen.sort_values,
                               row_number() OVER () AS number,
                               sum(pg_column_size(chosen.data)
                                   * CASE WHEN pg_column_compression(chosen.data) IS NULL
                                          THEN 1
                                          ELSE 4
                                      END) OVER (ROWS UNBOUNDED PRECEDING) AS stored
                          FROM ({chosen}) AS chosen) AS counted
                -- Each text is made once.
                OFFSET 0) AS kept) AS shown

-- count --
SELECT NULL::bytea AS body,
       NULL::jsonb AS last,
       count(*) AS matches,
       {has_shared} AS has_shared
  FROM ({chosen}) AS chosen
