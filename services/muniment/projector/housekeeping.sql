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

-- sweep_webhooks --
WITH gone AS (
    DELETE FROM webhook
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM webhook WHERE parent = $1 LIMIT $2))
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

-- sweep_memberships --
WITH gone AS (
    DELETE FROM membership
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM membership WHERE bucket_uid = $1 LIMIT $2))
      RETURNING 1
)
SELECT count(*)
  FROM gone;

-- forget_keys --
-- Keys of requests that were made before a moment ($1).
WITH gone AS (
    DELETE FROM made_request
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM made_request WHERE made_at <= $1 LIMIT $2))
      RETURNING 1
)
SELECT count(*)
  FROM gone;

-- sweep_entry_aces --
WITH gone AS (
    DELETE FROM entry_ace
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM entry_ace WHERE bucket_uid = $1 LIMIT $2))
      RETURNING 1
)
SELECT count(*)
  FROM gone;

-- sweep_aces --
WITH gone AS (
    DELETE FROM ace
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM ace WHERE parent = $1 LIMIT $2))
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

-- sweep_past_acls --
WITH gone AS (
    DELETE FROM past_acl
          WHERE ctid = ANY (ARRAY (SELECT ctid FROM past_acl WHERE bucket_uid = $1 LIMIT $2))
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

-- moved_histories --
-- The histories of buckets that live, and how far they are.
SELECT bucket.uid, timeline.last_modified
  FROM bucket
  JOIN timeline ON timeline.parent = bucket.uid AND timeline.kind = 'history';

-- trim_history --
-- Of a bucket's history ($1), keep the newest $2 entries of each type as soon as more than $3 beyond
-- them have gathered. Where users are named ($4), only their entries count, and for each user apart.
WITH ranked AS (
    SELECT last_modified,
           row_number() OVER kept AS rank,
           count(*) OVER (
               PARTITION BY resource_name, CASE WHEN $4::text[] <> '{}' THEN user_id END
           ) AS entries
      FROM history
     WHERE bucket_uid = $1
       AND NOT deleted
       AND ($4::text[] = '{}' OR user_id = ANY ($4::text[]))
    WINDOW kept AS (
               PARTITION BY resource_name, CASE WHEN $4::text[] <> '{}' THEN user_id END
               ORDER BY last_modified DESC
           )
),
gone AS (
    DELETE FROM history
          USING ranked
          WHERE history.bucket_uid = $1
            AND history.last_modified = ranked.last_modified
            AND ranked.rank > $2
            AND ranked.entries > $2::bigint + $3::bigint
      RETURNING 1
)
SELECT count(*)
  FROM gone;

-- list_outgrown --
-- Tables that have changed more since they were analysed than they held then.
SELECT relname
  FROM pg_stat_user_tables
  JOIN pg_class USING (relname)
 WHERE schemaname = current_schema()
   AND relnamespace = current_schema()::regnamespace
   AND n_mod_since_analyze > greatest($1, reltuples);
