-- schema: read_model
--
-- Writes that were made under an `Idempotency-Key`, until their keys are forgotten: where on the log
-- is what they have caused.

CREATE TABLE made_request (
    key          uuid    NOT NULL PRIMARY KEY,  -- a digest of the requester and the key
    request      uuid    NOT NULL,              -- a digest of what was asked
    partition    integer NOT NULL,
    last_offset  bigint  NOT NULL,              -- of the last event
    claim_offset bigint  NOT NULL,              -- under which they were written
    events       integer NOT NULL,              -- how many, one after another
    next_token   text,
    made_at      bigint  NOT NULL               -- in milliseconds, by the owner's clock
);

CREATE INDEX made_request_by_time ON made_request (made_at);
