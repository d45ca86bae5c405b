-- owners --
-- How many partitions there are, and where the owner of each takes writes.
SELECT count(*) AS partitions,
       jsonb_object_agg(checkpoint.partition, partition_owner.url)
           FILTER (WHERE partition_owner.url IS NOT NULL) AS urls
  FROM checkpoint
  LEFT JOIN partition_owner USING (partition);
