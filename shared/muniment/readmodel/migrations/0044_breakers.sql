-- schema: webhooks
--
-- Why a lane's breaker is open, and since when: for who looks on. A dispatcher that begins anew
-- begins with closed ones.

ALTER TABLE lane
    ADD COLUMN breaker_cause     text,
    ADD COLUMN breaker_opened_at timestamptz;
