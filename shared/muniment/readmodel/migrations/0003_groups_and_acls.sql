-- schema: read_model
--
-- Who is in which group, and which objects name whom in their ACEs.

-- The members of the groups that live. A row counts as long as its bucket's life goes on: look it up
-- through `bucket.uid`; what is left of ended lives is swept away later.
CREATE TABLE membership (
    member     text NOT NULL COLLATE "C",  -- a user id, or system.Authenticated
    bucket_uid uuid NOT NULL,
    group_id   text NOT NULL COLLATE "C",
    PRIMARY KEY (member, bucket_uid, group_id)
);

CREATE INDEX membership_by_bucket ON membership (bucket_uid);

-- Up from a life to the object that lives it.
CREATE INDEX bucket_by_life     ON bucket     (uid);
CREATE INDEX collection_by_life ON collection (uid);

-- Objects by the ACEs that they have. Most objects of a list have the same few, so what is indexed
-- is a hash of the list and all of an object's ACEs together (`acl`); which principals they name is
-- in the table `ace`, one row for each principal, list and `acl`. Both steps may find too much, never
-- too little: the object's own `permissions` have the last word. No column is indexed as it is, lest a
-- plan made for an empty table take this for the way to the objects of a list.
CREATE INDEX bucket_by_acl     ON bucket     (jsonb_hash_extended(permissions, uuid_hash_extended(parent, 0)));
CREATE INDEX collection_by_acl ON collection (jsonb_hash_extended(permissions, uuid_hash_extended(parent, 0)));
CREATE INDEX group_by_acl      ON "group"    (jsonb_hash_extended(permissions, uuid_hash_extended(parent, 0)));
CREATE INDEX record_by_acl     ON record     (jsonb_hash_extended(permissions, uuid_hash_extended(parent, 0)));

CREATE TABLE ace (
    principal bigint NOT NULL,  -- hashtextextended(…, 0): a principal may be of any length
    kind      text   NOT NULL COLLATE "C",
    parent    uuid   NOT NULL,
    acl       bigint NOT NULL,
    PRIMARY KEY (principal, kind, parent, acl),
    CHECK (kind IN ('bucket', 'collection', 'group', 'record'))
);

CREATE INDEX ace_by_parent ON ace (parent);

INSERT INTO ace (principal, kind, parent, acl)
SELECT DISTINCT hashtextextended(holder #>> '{}', 0), kind, parent,
       jsonb_hash_extended(permissions, uuid_hash_extended(parent, 0))
  FROM (SELECT 'bucket' AS kind, parent, permissions FROM bucket
         UNION ALL
        SELECT 'collection', parent, permissions FROM collection
         UNION ALL
        SELECT 'group', parent, permissions FROM "group"
         UNION ALL
        SELECT 'record', parent, permissions FROM record) AS object
 CROSS JOIN LATERAL jsonb_path_query(permissions, '$.*[*]') AS holder;
