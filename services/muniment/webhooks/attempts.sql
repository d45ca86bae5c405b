-- wait_little --
SET LOCAL lock_timeout = '2s';

-- lock_days --
-- Another instance may be at the same.
SELECT pg_advisory_xact_lock(hashtextextended('muniment webhooks attempts', 0));

-- list_days --
SELECT c.relname AS name
  FROM pg_inherits i
  JOIN pg_class c
    ON c.oid = i.inhrelid
 WHERE i.inhparent = 'webhooks.attempt'::regclass;

-- drop_jobs --
-- Those that have ended: messages that were asked for one by one leave a row each.
DELETE FROM webhooks.job
 WHERE changed_at < $1
   AND state IN ('cancelled', 'done', 'failed');

-- drop_sums --
DELETE FROM webhooks.attempt_sum
 WHERE day < $1;
