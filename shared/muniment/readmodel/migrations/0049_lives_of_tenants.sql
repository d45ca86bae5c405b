-- schema: keys
--
-- The life of the bucket that was made to be one: a bucket that somebody makes under the same id when
-- that is deleted is none. Not known of those that were made before this.

ALTER TABLE tenant ADD COLUMN bucket_uid uuid;
