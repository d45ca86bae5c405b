"""API keys: what they look like, where they are kept, and whose they are."""
