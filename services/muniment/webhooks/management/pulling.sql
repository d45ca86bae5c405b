-- moment --
-- The last moment of a bucket's clock that its history knows.
SELECT coalesce(max(last_modified), 0)
  FROM history
 WHERE bucket_uid = $1;

-- webhook --
SELECT data
  FROM webhook
 WHERE parent = $1
   AND id = $2
   AND NOT deleted;
