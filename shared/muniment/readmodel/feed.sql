-- projected_to --
-- How far each partition is projected, and the claim in force there.
SELECT partition, next_offset, claim_offset
  FROM checkpoint;

-- created_at --
-- When some records ($2 in $1) were created; also those that are gone.
SELECT record.parent, record.id, record.created_at
  FROM unnest($1::uuid[], $2::text[]) AS wanted (parent, id)
  JOIN record ON record.parent = wanted.parent AND record.id = wanted.id
 WHERE record.created_at IS NOT NULL;
