-- schema: accounts
--
-- Who may log in. Not a projection: it can't be built again from the log, as no hash of a password
-- ever gets there. Whatever is written here is written with synchronous commits.
--
-- `data` and `permissions` are as in the read model: the object as clients see it, so without its
-- password. Every account is a timeline of its own (ACC-8); `timeline_at` is its list timestamp,
-- which a change that a client dates back does not move.

CREATE TABLE account (
    id            text    NOT NULL COLLATE "C",
    last_modified bigint  NOT NULL,
    timeline_at   bigint  NOT NULL,
    deleted       boolean NOT NULL,
    data          jsonb   NOT NULL,
    permissions   jsonb   NOT NULL,
    password_hash text,
    PRIMARY KEY (id),
    CHECK (deleted = (password_hash IS NULL)),
    CHECK (timeline_at >= last_modified)
);

CREATE INDEX account_by_time ON account (last_modified, id) INCLUDE (deleted);

-- Logins that were sent to the OpenID provider and have not come back, each good for one return.
CREATE TABLE openid_login (
    state      text        NOT NULL COLLATE "C",
    provider   text        NOT NULL,
    callback   text        NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (state)
);

CREATE INDEX openid_login_by_end ON openid_login (expires_at);
