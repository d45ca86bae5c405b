-- schema: keys
--
-- What an administrator has begun to make: its bucket may be there already or not. Who asks for the
-- same again goes on with it; done, it is a tenant.

CREATE TABLE tenant_begun (
    bucket_id text        NOT NULL COLLATE "C",
    kind      text        NOT NULL COLLATE "C",
    parent_id text        COLLATE "C",
    asked     jsonb       NOT NULL,
    begun_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (bucket_id)
);
