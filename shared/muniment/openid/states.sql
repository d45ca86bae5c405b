-- forget_late --
DELETE FROM openid_login
 WHERE expires_at < now();

-- remember --
-- Nothing when too many are on their way: anybody can ask for a login.
INSERT INTO openid_login (state, provider, callback, expires_at)
SELECT $1, $2, $3, now() + make_interval(secs => $4)
 WHERE (SELECT count(*) FROM (SELECT FROM openid_login LIMIT $5) AS counted) < $5
RETURNING state;

-- take --
DELETE FROM openid_login
 WHERE state = $1 AND provider = $2 AND expires_at >= now()
RETURNING callback;
