-- schema: read_model
--
-- History that can be read by who could read its objects, looked up by object, and trimmed.
--
-- What the projector wrote before lacks the new columns: it is thrown away, and built again from
-- the log. On a new database there is nothing to throw away.

DO $$
BEGIN
    EXECUTE 'TRUNCATE ' || (
        SELECT string_agg(quote_ident(tablename), ', ')
          FROM pg_tables
         WHERE schemaname = current_schema()
    );
END
$$;

-- The life of the collection that a record was in, or that the object was.
ALTER TABLE history ADD COLUMN collection_uid uuid;

-- An entry that was removed: all that is left are its id and the moment of its removal.
ALTER TABLE history ADD COLUMN deleted boolean NOT NULL DEFAULT FALSE;
ALTER TABLE history ALTER COLUMN occurred_at DROP NOT NULL;
ALTER TABLE history ALTER COLUMN action DROP NOT NULL;
ALTER TABLE history ALTER COLUMN resource_name DROP NOT NULL;
ALTER TABLE history ALTER COLUMN uri DROP NOT NULL;
ALTER TABLE history ALTER COLUMN object_id DROP NOT NULL;
ALTER TABLE history ALTER COLUMN request_id DROP NOT NULL;
ALTER TABLE history ALTER COLUMN data DROP NOT NULL;
ALTER TABLE history ALTER COLUMN permissions DROP NOT NULL;
ALTER TABLE history ADD CHECK (deleted = (uri IS NULL));

-- All versions of one object, the last one first: its history, and what it was at a moment.
CREATE INDEX history_by_object ON history (bucket_uid, object_id, last_modified);

-- Who could read what lay in a bucket or collection, from which moment of the bucket's clock on.
-- Unlike the history it is never trimmed: it says who sees the entries that are left.
CREATE TABLE past_acl (
    bucket_uid  uuid   NOT NULL,
    uid         uuid   NOT NULL,  -- bucket.uid or collection.uid
    since       bigint NOT NULL,  -- the event's `stream_at`
    permissions jsonb  NOT NULL,
    PRIMARY KEY (bucket_uid, uid, since)
);
