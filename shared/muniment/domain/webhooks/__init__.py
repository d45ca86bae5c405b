"""Webhooks as objects: what one says, read into types, and which events it wants."""
