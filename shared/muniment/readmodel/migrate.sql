-- take_turn --
-- One process migrates at a time; the lock goes with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('muniment migrate', 0));

-- create_migration_table --
CREATE SCHEMA IF NOT EXISTS muniment;
CREATE TABLE IF NOT EXISTS muniment.migration (
    name       text        NOT NULL PRIMARY KEY,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- has_migration_table --
SELECT to_regclass('muniment.migration') IS NOT NULL;

-- list_applied --
  SELECT name, checksum
    FROM muniment.migration
ORDER BY name;

-- record_migration --
INSERT INTO muniment.migration (name, checksum)
VALUES ($1, $2);
