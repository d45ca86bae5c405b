-- schema: read_model
--
-- The collections of a bucket by the time of their creation, as DataForce's pages have them. It is no
-- `created_order`: a clock may be set back.

CREATE INDEX collection_by_created_at
    ON collection (parent, created_at, id)
 WHERE NOT deleted;
