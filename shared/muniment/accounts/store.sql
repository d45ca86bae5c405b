-- read_account --
SELECT last_modified, timeline_at, deleted, data, permissions, password_hash
  FROM account
 WHERE id = $1;

-- read_hash --
SELECT password_hash
  FROM account
 WHERE id = $1 AND NOT deleted;

-- renew_hash --
-- Another hash ($3) of the same password, unless that is another one by now; no change of the account.
UPDATE account
   SET password_hash = $3
 WHERE id = $1 AND password_hash = $2;

-- find_traces --
-- The accounts whose ACEs name a principal.
SELECT id
  FROM account
 WHERE NOT deleted
   AND jsonb_path_query_array(permissions, '$.*[*]') ? $1;

-- commit_to_disk --
-- Whatever the database's default is: nothing else has what is written here.
SET LOCAL synchronous_commit = on;

-- take_turn --
-- Two that change one account, also one that does not exist yet, take turns until they commit.
SELECT pg_advisory_xact_lock(hashtextextended('muniment.account ' || $1, 0));

-- write_account --
INSERT INTO account (id, last_modified, timeline_at, deleted, data, permissions, password_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (id) DO UPDATE
   SET last_modified = excluded.last_modified,
       timeline_at   = excluded.timeline_at,
       deleted       = excluded.deleted,
       data          = excluded.data,
       permissions   = excluded.permissions,
       password_hash = excluded.password_hash;

-- delete_all --
DELETE FROM account;

-- delete_all_logins --
DELETE FROM openid_login;

-- list_at --
SELECT coalesce(max(o.timeline_at), 0)
  FROM account AS o
 WHERE {visible};

-- page --
-- One object more than the page holds tells whether there is a next page.
SELECT o.id, o.data, {sort_values} AS sort_values
  FROM account AS o
 WHERE {visible}
   AND {where}
   AND {after}
 ORDER BY {order}
 LIMIT {limit} + 1;

-- count --
SELECT count(*)
  FROM account AS o
 WHERE {visible}
   AND {where};
