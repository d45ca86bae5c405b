"""The log: events of buckets, totally ordered within each partition, in Kafka or in memory."""
