-- schema: read_model
--
-- Webhooks: objects in a bucket, like groups. Each life of one has a `uid` of its own, by which the
-- deliveries know it.

CREATE TABLE webhook (
    parent        uuid    NOT NULL,  -- bucket.uid
    id            text    NOT NULL COLLATE "C",
    last_modified bigint  NOT NULL,
    deleted       boolean NOT NULL,
    data          jsonb   NOT NULL,
    permissions   jsonb   NOT NULL,
    uid           uuid,
    PRIMARY KEY (parent, id),
    CHECK (deleted = (uid IS NULL))
);

CREATE INDEX webhook_by_time ON webhook (parent, last_modified) INCLUDE (deleted);
CREATE INDEX webhook_by_acl  ON webhook (jsonb_hash_extended(permissions, uuid_hash_extended(parent, 0)));

ALTER TABLE timeline DROP CONSTRAINT timeline_kind_check;
ALTER TABLE timeline ADD CHECK (
    kind IN ('bucket', 'collection', 'group', 'record', 'webhook', 'history')
);
ALTER TABLE ace DROP CONSTRAINT ace_kind_check;
ALTER TABLE ace ADD CHECK (kind IN ('bucket', 'collection', 'group', 'record', 'webhook'));

-- The list of webhooks begins with its bucket, as the history says; where that was trimmed, as early
-- as another list of the bucket.
INSERT INTO timeline (parent, kind, last_modified)
SELECT bucket.uid, 'webhook', coalesce(
           (SELECT min((entry.data ->> 'last_modified')::bigint)
              FROM history AS entry
             WHERE entry.bucket_uid = bucket.uid
               AND entry.object_id = bucket.id
               AND entry.resource_name = 'bucket'
               AND entry.action = 'create'),
           (SELECT min(other.last_modified)
              FROM timeline AS other
             WHERE other.parent = bucket.uid AND other.kind IN ('collection', 'group'))
       )
  FROM bucket
 WHERE NOT bucket.deleted;
