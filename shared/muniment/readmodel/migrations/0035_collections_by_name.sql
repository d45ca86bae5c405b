-- schema: read_model
--
-- Collections by the name that is in their data. A hash of it, as a name may be of any length.

CREATE INDEX collection_by_name
    ON collection (parent, hashtextextended(data ->> 'name', 0))
 WHERE NOT deleted;
