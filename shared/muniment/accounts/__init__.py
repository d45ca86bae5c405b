"""Accounts: their passwords, the table they are kept in, and the endpoints that serve them."""
