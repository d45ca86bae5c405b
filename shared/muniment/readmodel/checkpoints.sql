-- read_checkpoints --
SELECT partition, next_offset, claim_offset
  FROM checkpoint;
