-- show_up --
-- Held as long as the connection is open: so an instance that died is not counted any more.
SELECT pg_advisory_lock(hashtext('muniment webhooks instance'), $1);

-- count_instances --
SELECT count(*)
  FROM pg_locks
 WHERE locktype = 'advisory'
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND classid = hashtext('muniment webhooks instance')::bit(32)::bigint::oid
   AND objsubid = 2
   AND granted;

-- try_take --
SELECT pg_try_advisory_lock(hashtext('muniment webhooks partition'), $1);

-- give_back --
SELECT pg_advisory_unlock(hashtext('muniment webhooks partition'), $1);
