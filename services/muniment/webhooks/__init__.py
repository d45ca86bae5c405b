"""The webhooks service: tells each collection's endpoint what the log says, at least once."""
