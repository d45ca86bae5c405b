"""The query service: objects and lists, read from the read model as they stand."""
