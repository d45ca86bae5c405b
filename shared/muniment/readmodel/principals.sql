-- groups --
-- An array of the groups of buckets that live of which one of {members} is a member.
--
-- OFFSET 0 keeps the steps in this order: a plan made while there were no groups began with all
-- buckets, and was kept.
ARRAY (SELECT '/buckets/' || bucket.id || '/groups/' || joined.group_id
         FROM unnest({members}) AS asked (member)
        CROSS JOIN LATERAL (
              SELECT bucket_uid, group_id
                FROM membership
               WHERE membership.member = asked.member
              OFFSET 0) AS joined
        CROSS JOIN LATERAL (
              SELECT id
                FROM bucket
               WHERE uid = joined.bucket_uid
              OFFSET 0) AS bucket)

-- asker --
-- Begins a statement: `asker` has one row, the principals of the request (AUTH-5).
WITH asker AS MATERIALIZED (
    SELECT {direct} || {groups} AS principals
)
