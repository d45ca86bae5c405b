-- schema: keys
--
-- Orbits are made like organizations, and belong to one.

ALTER TABLE tenant ADD COLUMN parent_id text COLLATE "C";
ALTER TABLE tenant DROP CONSTRAINT tenant_kind_check;
ALTER TABLE tenant ADD CHECK (kind IN ('project', 'organization', 'orbit'));
ALTER TABLE tenant ADD CHECK ((kind = 'orbit') = (parent_id IS NOT NULL));

CREATE INDEX tenant_by_parent ON tenant (parent_id, created_at);
