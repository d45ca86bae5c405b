-- select_for_delete --
-- One page of a list, and one object more, which tells that there is another page.
SELECT o.id,
       octet_length(o.data::text) + octet_length(o.permissions::text) AS size_bytes,
       {sort_values}::text AS sort_values
  FROM {source} AS o
 WHERE o.parent = {parent}
   AND {own}
   AND {where}
   AND {after}
 ORDER BY {order}
 LIMIT {fetched};

-- has_writable --
SELECT EXISTS (
       SELECT
         FROM {source} AS o
        WHERE {own});
