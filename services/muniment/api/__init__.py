"""Command and query in one process on one port, as `make run` starts them."""
