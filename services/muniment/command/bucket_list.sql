-- lock --
-- Buckets are written by one owner at a time, all over the product. The session holds it, as what
-- is written meanwhile (`take`) must be there whatever becomes of the session.
SELECT pg_advisory_lock(hashtextextended('muniment.bucket_list', 0));

-- unlock --
SELECT pg_advisory_unlock(hashtextextended('muniment.bucket_list', 0));

-- take --
-- Note who writes buckets: the owner of a partition ($1) under a claim ($2). Answers the timestamp of
-- the list of buckets, or nothing while what the last one may have written is not visible yet.
UPDATE command.bucket_turn
   SET partition = $1, claim = $2
 WHERE partition IS NULL
    OR EXISTS (SELECT
                 FROM checkpoint
                WHERE checkpoint.partition = bucket_turn.partition
                  AND checkpoint.claim_offset > bucket_turn.claim)
RETURNING coalesce((SELECT max(last_modified)
                      FROM timeline
                     WHERE parent = '00000000-0000-0000-0000-000000000000' AND kind = 'bucket'), 0)
          AS list_at;

-- give_back --
-- What was written can be read by all, or nothing was.
UPDATE command.bucket_turn
   SET partition = NULL, claim = NULL
 WHERE partition = $1 AND claim = $2;
