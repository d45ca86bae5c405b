-- schema: accounts
--
-- Accounts by whom their ACEs name: for /permissions, and for a principal that is to be forgotten.
-- They change seldom, so a GIN index costs nothing that matters.

CREATE INDEX account_by_principal
    ON account
 USING gin (jsonb_path_query_array(permissions, '$.*[*]'))
 WHERE NOT deleted;
