-- schema: webhooks
--
-- How far each webhook endpoint has been told what is on the log. Unlike the read model this cannot
-- be built from the log again: whoever empties it has everything delivered once more. There is no
-- row for a pending delivery: those are on the log, from a lane's position on.

-- Raised by each instance that begins to deliver; a commit under an older epoch is refused.
CREATE TABLE dispatcher (
    only_one boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (only_one),
    epoch    bigint      NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO dispatcher (epoch) VALUES (0);

-- How far the one reading that feeds all lanes has come in each partition.
CREATE TABLE checkpoint (
    partition    integer     NOT NULL PRIMARY KEY,
    next_offset  bigint      NOT NULL,
    claim_offset bigint,  -- the claim in force there
    moved_at     timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- One URL of one collection, for the stretch of the log in which it was the collection's.
CREATE TABLE lane (
    id              uuid    NOT NULL PRIMARY KEY,  -- of the event that set the URL
    partition       integer NOT NULL,
    starts_at       bigint  NOT NULL,
    ends_at         bigint,  -- the first offset that is not the endpoint's any more
    bucket_uid      uuid    NOT NULL,
    collection_uid  uuid    NOT NULL,
    bucket_id       text    NOT NULL COLLATE "C",
    collection_id   text    NOT NULL COLLATE "C",
    url             text    NOT NULL,
    next_offset     bigint,  -- all before it is delivered or parked; null: where the checkpoint is
    claim_offset    bigint,
    disabled_at     timestamptz,
    disabled_reason text,
    finished_at     timestamptz  -- drained, and kept since some of its deliveries are dead
) WITH (fillfactor = 50);

CREATE INDEX lane_by_collection ON lane (bucket_id, collection_id);

-- The exceptions: deliveries that failed, those of the same record behind them, and the dead.
CREATE TABLE parked (
    lane_id      uuid        NOT NULL REFERENCES lane ON DELETE CASCADE,
    event_offset bigint      NOT NULL,
    claim_offset bigint,
    uri          text        NOT NULL COLLATE "C",
    attempts     integer     NOT NULL,
    next_try_at  timestamptz NOT NULL,
    is_dead      boolean     NOT NULL,
    reason       text        NOT NULL,
    PRIMARY KEY (lane_id, event_offset)
) WITH (fillfactor = 80);
