-- living_webhooks --
-- All webhooks, and where the owners of their buckets take orders.
SELECT bucket.id AS bucket_id, webhook.id, webhook.uid, webhook.data, partition_owner.url
  FROM webhook
  JOIN bucket ON bucket.uid = webhook.parent
  LEFT JOIN partition_owner ON partition_owner.partition = bucket.partition
 WHERE NOT webhook.deleted
 ORDER BY bucket.id, webhook.id;
