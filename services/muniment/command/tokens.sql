-- give_out --
-- Note a token's mark ($1), good for some seconds ($2), and forget those that are good no more.
WITH expired AS (
    DELETE FROM command.page_token
          WHERE expires_at <= now()
)
INSERT INTO command.page_token (nonce, expires_at)
VALUES ($1, now() + make_interval(secs => $2));

-- is_good --
-- Whether a token was given out, not used since, and has not expired.
SELECT EXISTS (SELECT FROM command.page_token WHERE nonce = $1 AND expires_at > now());

-- use --
-- Use a token up; answers nothing if it was used, has expired or was never given out.
DELETE FROM command.page_token
      WHERE nonce = $1
        AND expires_at > now()
  RETURNING nonce;
