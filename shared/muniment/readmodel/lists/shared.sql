-- shared --
-- The objects of a list whose ACEs may name one of the principals, and some more perhaps.
(SELECT object.*
   FROM (SELECT DISTINCT acl
           FROM ace
          WHERE kind = '{kind}'
            AND parent = {parent}
            AND principal = ANY ({named})) AS named
  CROSS JOIN LATERAL (
        SELECT *
          FROM {table} AS o
         WHERE o.parent = {parent}
           AND NOT o.deleted
           AND {acl} = named.acl
        OFFSET 0) AS object)
