-- commit_to_disk --
-- Whatever the database's default is: nothing else has what is written here.
SET LOCAL synchronous_commit = on;

-- find --
-- Whose key it is; that it was used is noted once a minute, so that few requests write.
WITH found AS (
    SELECT id, principal
      FROM api_key
     WHERE hash = $1
       AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > now())
), noted AS (
    UPDATE api_key
       SET used_at = now()
      FROM found
     WHERE api_key.id = found.id
       AND (used_at IS NULL OR used_at < now() - interval '1 minute')
)
SELECT id, principal
  FROM found;

-- create --
INSERT INTO api_key (id, hash, prefix, principal, label, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
RETURNING id, prefix, principal, label, created_at, expires_at, revoked_at, used_at;

-- list_of --
SELECT id, prefix, principal, label, created_at, expires_at, revoked_at, used_at
  FROM api_key
 WHERE principal = $1
 ORDER BY created_at, id;

-- read --
SELECT id, prefix, principal, label, created_at, expires_at, revoked_at, used_at
  FROM api_key
 WHERE id = $1;

-- revoke --
-- Revoked once is revoked for ever: the first moment stays.
UPDATE api_key
   SET revoked_at = coalesce(revoked_at, now())
 WHERE id = $1
RETURNING id, prefix, principal, label, created_at, expires_at, revoked_at, used_at;

-- revoke_all_of --
UPDATE api_key
   SET revoked_at = now()
 WHERE principal = $1
   AND revoked_at IS NULL;

-- read_usable --
-- A key that is to be replaced; nobody else replaces or revokes it meanwhile.
SELECT principal, label
  FROM api_key
 WHERE id = $1
   AND revoked_at IS NULL
   AND (expires_at IS NULL OR expires_at > now())
   FOR UPDATE;

-- end_later --
UPDATE api_key
   SET expires_at = least(expires_at, now() + make_interval(secs => $2))
 WHERE id = $1;

-- begin_tenant --
-- What was begun alike and is not done comes first.
WITH begun AS (
    SELECT bucket_id
      FROM tenant_begun
     WHERE kind = $2
       AND parent_id IS NOT DISTINCT FROM $3
       AND asked = $4::jsonb
     ORDER BY begun_at, bucket_id
     LIMIT 1
), new AS (
    INSERT INTO tenant_begun (bucket_id, kind, parent_id, asked)
    SELECT $1, $2, $3, $4::jsonb
     WHERE NOT EXISTS (SELECT FROM begun)
    RETURNING bucket_id
)
SELECT bucket_id
  FROM begun
 UNION ALL
SELECT bucket_id
  FROM new;

-- finish_tenant --
WITH done AS (
    DELETE FROM tenant_begun
     WHERE bucket_id = $1
    RETURNING bucket_id, kind, parent_id
)
INSERT INTO tenant (bucket_id, kind, parent_id, bucket_uid)
SELECT bucket_id, kind, parent_id, $2
  FROM done
RETURNING bucket_id;

-- remove_tenant --
DELETE FROM tenant
 WHERE bucket_id = $1;

-- tenants --
SELECT bucket_id
  FROM tenant
 WHERE kind = $1
   AND ($2::text IS NULL OR parent_id = $2)
 ORDER BY created_at, bucket_id;

-- tenant --
SELECT parent_id
  FROM tenant
 WHERE bucket_id = $1
   AND kind = $2;

-- add_user --
INSERT INTO key_user (id, name)
VALUES ($1, $2)
RETURNING id, name, created_at;

-- users --
SELECT id, name, created_at
  FROM key_user
 ORDER BY created_at, id;

-- user --
SELECT id, name, created_at
  FROM key_user
 WHERE id = $1;

-- delete_keys_of --
DELETE FROM api_key
 WHERE principal = $1;

-- delete_user --
DELETE FROM key_user
 WHERE id = $1;

-- delete_all --
DELETE FROM api_key;

-- delete_all_begun --
DELETE FROM tenant_begun;

-- delete_all_tenants --
DELETE FROM tenant;

-- delete_all_users --
DELETE FROM key_user;
