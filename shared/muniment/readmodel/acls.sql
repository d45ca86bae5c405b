-- acl_of --
-- As the indexes have it.
jsonb_hash_extended({permissions}, uuid_hash_extended({parent}, 0))

-- named --
ARRAY (SELECT hashtextextended(one, 0)
         FROM unnest({principals}) AS one)
