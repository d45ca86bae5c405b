-- take_lead --
-- One projector for each schema; the lock lasts as long as the connection that will write.
SELECT pg_try_advisory_lock(hashtextextended('muniment projector ' || current_schema(), 0));

-- open_checkpoints --
INSERT INTO checkpoint (partition, next_offset)
SELECT unnest($1::integer[]), 0
    ON CONFLICT (partition) DO NOTHING;

-- read_checkpoints --
SELECT partition, next_offset, claim_offset
  FROM checkpoint
 WHERE partition = ANY ($1::integer[]);

-- beat --
INSERT INTO projector_beat (instance_id, beat_at, lag_entries)
VALUES ($1, now(), $2)
    ON CONFLICT (only_one) DO UPDATE
   SET instance_id = excluded.instance_id,
       beat_at = excluded.beat_at,
       lag_entries = excluded.lag_entries;
