-- schema: webhooks
--
-- The headers of a request as they were sent, one a line, secrets masked; null where nothing was
-- sent, and in what was written before.

ALTER TABLE attempt ADD COLUMN request_headers text;
