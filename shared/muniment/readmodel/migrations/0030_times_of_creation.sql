-- schema: read_model
--
-- When the life of a bucket, collection or record began, and when it was changed last: milliseconds
-- since the epoch by the owner's clock. What is made again after its deletion begins anew.
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

ALTER TABLE bucket
    ADD COLUMN created_at    bigint,
    ADD COLUMN created_order bigint,  -- the bucket's clock then (`stream_at`): the order of writing
    ADD COLUMN updated_at    bigint;  -- null if it was never changed since it was created
ALTER TABLE collection
    ADD COLUMN created_at    bigint,
    ADD COLUMN created_order bigint,
    ADD COLUMN updated_at    bigint;
ALTER TABLE record
    ADD COLUMN created_at    bigint,
    ADD COLUMN created_order bigint,
    ADD COLUMN updated_at    bigint;

-- Newest first, and back.
CREATE INDEX collection_by_creation ON collection (parent, created_order) WHERE NOT deleted;
CREATE INDEX record_by_creation     ON record     (parent, created_order) WHERE NOT deleted;
