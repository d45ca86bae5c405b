-- schema: webhooks
--
-- Which field of its collection's data a lane's URL is from; null in what was written before:
-- `webhook:url`.

ALTER TABLE lane ADD COLUMN url_field text;
