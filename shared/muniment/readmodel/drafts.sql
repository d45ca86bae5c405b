-- limit_draft --
-- A draft gives way to the projector: it waits for no lock as long as a deadlock needs to be found,
-- and a process that hangs loses it. Of the planner it wants what the pools for reading want.
SELECT set_config('lock_timeout', '500ms', TRUE),
       set_config('statement_timeout', '5s', TRUE),
       set_config('idle_in_transaction_session_timeout', '10s', TRUE),
       set_config('enable_seqscan', 'off', TRUE),
       set_config('plan_cache_mode', 'force_custom_plan', TRUE);

-- hold_checkpoint --
SELECT next_offset, claim_offset
  FROM checkpoint
 WHERE partition = $1
   FOR UPDATE;
