-- owner_url --
-- Where the owner of a partition takes requests.
SELECT url FROM partition_owner WHERE partition = $1;
