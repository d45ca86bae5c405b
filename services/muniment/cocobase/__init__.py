"""The CocoBase dialect: projects, collections and documents over buckets, collections, records."""
