-- schema: read_model
--
-- What a record has besides `data`: its document's fields that are called as the server's own are
-- (`id`, `last_modified`, `schema`, `deleted`). Null where there are none, as in all that was written
-- before.

ALTER TABLE record  ADD COLUMN hidden jsonb;
ALTER TABLE history ADD COLUMN hidden jsonb;
