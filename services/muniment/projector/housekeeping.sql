-- next_doomed --
SELECT uid, kind
  FROM doomed
 LIMIT 1;

-- doom_collections --
-- What lies below a bucket's collections is keyed by their lives, not by the bucket's.
WITH gone AS (
    DELETE FROM collection
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM collection WHERE parent = $1 LIMIT $2))
      RETURNING uid
),
ended AS (
    INSERT INTO doomed (uid, kind)
    SELECT uid, 'collection'
      FROM gone
     WHERE uid IS NOT NULL
        ON CONFLICT (uid) DO NOTHING
)
SELECT count(*)
  FROM gone;

-- sweep_groups --
WITH gone AS (
    DELETE FROM "group"
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM "group" WHERE parent = $1 LIMIT $2))
      RETURNING 1
)
SELECT count(*)
  FROM gone;

-- sweep_records --
WITH gone AS (
    DELETE FROM record
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM record WHERE parent = $1 LIMIT $2))
      RETURNING 1
)
SELECT count(*)
  FROM gone;

-- sweep_history --
WITH gone AS (
    DELETE FROM history
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM history WHERE bucket_uid = $1 LIMIT $2))
      RETURNING 1
)
SELECT count(*)
  FROM gone;

-- forget_doomed --
-- Nothing is left below this life.
WITH timestamps AS (
    DELETE FROM timeline
          WHERE parent = $1
)
DELETE FROM doomed
      WHERE uid = $1;

-- list_outgrown --
-- Tables that have changed more since they were analysed than they held then.
SELECT relname
  FROM pg_stat_user_tables
  JOIN pg_class USING (relname)
 WHERE schemaname = current_schema()
   AND relnamespace = current_schema()::regnamespace
   AND n_mod_since_analyze > greatest($1, reltuples);
