-- schema: read_model
--
-- All that is built from the log, and nothing else: whatever is in here can be dropped and built
-- again from offset 0. Names carry no schema, so that a rebuild runs this file into another one.
--
-- Every life of a bucket or collection has a `uid` that is never used again, and whatever lies
-- below is keyed by it (`parent`). When a bucket or collection goes, its row lets go of the uid:
-- all below is out of reach at once, and swept away later (`doomed`).
--
-- The four tables of objects are alike, and named as the kinds are. In each, `data` is the object
-- as clients see it, `id` and `last_modified` included; a tombstone's is
-- {"id": …, "last_modified": …, "deleted": true} and its permissions are {}. `permissions` is
-- {"write": ["account:nadia", …], …}, principals in order.

CREATE TABLE bucket (
    parent        uuid    NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    id            text    NOT NULL COLLATE "C",
    last_modified bigint  NOT NULL,
    deleted       boolean NOT NULL,
    data          jsonb   NOT NULL,
    permissions   jsonb   NOT NULL,
    uid           uuid,
    partition     integer NOT NULL,
    PRIMARY KEY (parent, id),
    CHECK (deleted = (uid IS NULL))
);

CREATE TABLE collection (
    parent        uuid    NOT NULL,  -- bucket.uid
    id            text    NOT NULL COLLATE "C",
    last_modified bigint  NOT NULL,
    deleted       boolean NOT NULL,
    data          jsonb   NOT NULL,
    permissions   jsonb   NOT NULL,
    uid           uuid,
    records_until bigint,  -- a tombstone's: the timestamp that the list of its records had
    PRIMARY KEY (parent, id),
    CHECK (deleted = (uid IS NULL)),
    CHECK (deleted OR records_until IS NULL)
);

CREATE TABLE "group" (
    parent        uuid    NOT NULL,  -- bucket.uid
    id            text    NOT NULL COLLATE "C",
    last_modified bigint  NOT NULL,
    deleted       boolean NOT NULL,
    data          jsonb   NOT NULL,
    permissions   jsonb   NOT NULL,
    PRIMARY KEY (parent, id)
);

CREATE TABLE record (
    parent        uuid    NOT NULL,  -- collection.uid
    id            text    NOT NULL COLLATE "C",
    last_modified bigint  NOT NULL,
    deleted       boolean NOT NULL,
    data          jsonb   NOT NULL,
    permissions   jsonb   NOT NULL,
    PRIMARY KEY (parent, id)
);

-- The default order of every list, forwards and backwards; `deleted` is in it so that counting
-- reads the index alone.
CREATE INDEX bucket_by_time     ON bucket     (parent, last_modified) INCLUDE (deleted);
CREATE INDEX collection_by_time ON collection (parent, last_modified) INCLUDE (deleted);
CREATE INDEX group_by_time      ON "group"    (parent, last_modified) INCLUDE (deleted);
CREATE INDEX record_by_time     ON record     (parent, last_modified) INCLUDE (deleted);

-- The timestamp of each list: the greatest `last_modified` that was ever in it, tombstones
-- included, or where it started. It never goes back while its parent lives.
CREATE TABLE timeline (
    parent        uuid   NOT NULL,  -- bucket.uid or collection.uid; nil for the list of buckets
    kind          text   NOT NULL COLLATE "C",
    last_modified bigint NOT NULL,
    PRIMARY KEY (parent, kind),
    CHECK (kind IN ('bucket', 'collection', 'group', 'record', 'history'))
) WITH (fillfactor = 50);  -- Room for updates that touch no index.

-- Every version of every object in a bucket that lives.
CREATE TABLE history (
    bucket_uid    uuid        NOT NULL,
    last_modified bigint      NOT NULL,  -- the event's `stream_at`
    id            uuid        NOT NULL,  -- the event's
    occurred_at   timestamptz NOT NULL,
    action        text        NOT NULL,  -- create, update, delete
    resource_name text        NOT NULL,  -- bucket, collection, group, record
    uri           text        NOT NULL COLLATE "C",
    collection_id text        COLLATE "C",  -- the record's collection, or the collection itself
    object_id     text        NOT NULL COLLATE "C",
    user_id       text,
    request_id    text        NOT NULL,
    data          jsonb       NOT NULL,
    permissions   jsonb       NOT NULL,
    PRIMARY KEY (bucket_uid, last_modified)
);

-- Lives of buckets and collections that have ended: what still lies below them is swept away.
CREATE TABLE doomed (
    uid  uuid NOT NULL PRIMARY KEY,
    kind text NOT NULL,
    CHECK (kind IN ('bucket', 'collection'))
);

-- How far each partition is built, and which claim was in force there.
CREATE TABLE checkpoint (
    partition    integer     NOT NULL PRIMARY KEY,
    next_offset  bigint      NOT NULL,
    claim_offset bigint,
    moved_at     timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Who may append to each partition, as told by the last claim.
CREATE TABLE partition_owner (
    partition    integer NOT NULL PRIMARY KEY,
    claim_offset bigint  NOT NULL,
    epoch        integer NOT NULL,
    producer_id  bigint  NOT NULL,
    instance_id  text    NOT NULL,
    url          text    NOT NULL
);

-- One row, renewed about every second by the loop that projects: a hung projector lets it age.
CREATE TABLE projector_beat (
    only_one    boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (only_one),
    instance_id text        NOT NULL,
    beat_at     timestamptz NOT NULL,
    lag_entries bigint      NOT NULL  -- on the log and not yet projected, when it was asked
) WITH (fillfactor = 50);
