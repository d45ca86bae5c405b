-- schema: read_model
--
-- An entry's id is its event's with the version 4, as clients know them.

UPDATE history
   SET id = overlay(id::text PLACING '4' FROM 15 FOR 1)::uuid
 WHERE substr(id::text, 15, 1) <> '4';
