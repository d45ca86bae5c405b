-- shared --
-- The objects of a list whose ACEs may name one of the principals, and some more perhaps.
(SELECT object.*
   FROM (SELECT DISTINCT acl
           FROM ace
          WHERE kind = '{kind}'
            AND parent = {parent}
            AND principal = ANY (ARRAY (SELECT hashtextextended(one, 0)
                                          FROM unnest({principals}) AS one))) AS named
  CROSS JOIN LATERAL (
        SELECT *
          FROM {table}
         WHERE parent = {parent}
           AND NOT deleted
           AND jsonb_hash_extended(permissions, uuid_hash_extended(parent, 0)) = named.acl
        OFFSET 0) AS object)
