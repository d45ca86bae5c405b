-- schema: keys
--
-- Credentials of programs, and whom they speak for. As of accounts, no trace of a key gets on the log,
-- so this is no projection, and is written with synchronous commits.

-- What an administrator has made: anybody may make a bucket that looks like one of these.
CREATE TABLE tenant (
    bucket_id  text        NOT NULL COLLATE "C",
    kind       text        NOT NULL COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket_id),
    CHECK (kind IN ('project', 'organization'))
);

-- Who is meant by `user:ID`.
CREATE TABLE key_user (
    id         uuid        NOT NULL,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id)
);

CREATE TABLE api_key (
    id         uuid        NOT NULL,
    hash       bytea       NOT NULL,  -- HMAC-SHA256 of the text, keyed from the secret key
    prefix     text        NOT NULL,  -- how the text begins, to tell keys apart by
    principal  text        NOT NULL COLLATE "C",  -- project:ID or user:ID
    label      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    used_at    timestamptz,  -- to the minute
    PRIMARY KEY (id)
);

CREATE UNIQUE INDEX api_key_by_hash ON api_key (hash);
CREATE INDEX api_key_by_principal   ON api_key (principal, created_at);
