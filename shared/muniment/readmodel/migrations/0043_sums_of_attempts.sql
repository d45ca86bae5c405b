-- schema: webhooks
--
-- What is left of attempts when their day is dropped: sums of each endpoint's, by day (UTC, of when
-- they began) and outcome. A commit adds to them what it adds to the log of attempts.

CREATE TABLE attempt_sum (
    endpoint_id uuid             NOT NULL,
    day         date             NOT NULL,
    outcome     text             NOT NULL COLLATE "C",
    attempts    bigint           NOT NULL,
    events      bigint           NOT NULL,  -- in these requests
    ms_min      real             NOT NULL,
    ms_max      real             NOT NULL,
    ms_sum      double precision NOT NULL,
    last_at     timestamptz      NOT NULL,
    PRIMARY KEY (endpoint_id, day, outcome)
) WITH (fillfactor = 50);

INSERT INTO attempt_sum
  SELECT endpoint_id, (at AT TIME ZONE 'UTC')::date, outcome, count(*), sum(events), min(total_ms),
         max(total_ms), sum(total_ms), max(at)
    FROM attempt
GROUP BY 1, 2, 3;
