-- schema: command
--
-- What owners of all instances must agree on, and the log does not say. Nothing here can be built
-- again, and nothing is missed for long: a turn that is forgotten is only dangerous for as long as
-- its change is not projected, and a token is good for some minutes.

-- Who writes buckets, from before the append until it can be read. What is left there by an owner that
-- died, or that never learned what became of its append, is over when the read model shows a later
-- claim of that partition: nothing of the older one can still come.
CREATE TABLE bucket_turn (
    only_one  boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_one),
    partition integer,
    claim     bigint,
    CHECK ((partition IS NULL) = (claim IS NULL))
);

INSERT INTO bucket_turn DEFAULT VALUES;

-- The tokens of pages of list deletions that were given out and have not come back: each works once.
CREATE TABLE page_token (
    nonce      text        NOT NULL PRIMARY KEY COLLATE "C",
    expires_at timestamptz NOT NULL
);

CREATE INDEX page_token_by_expiry ON page_token (expires_at);
