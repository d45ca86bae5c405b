"""The embedded stack: a real Kafka and a real Postgres as child processes, and their keeper.

Kept free of imports: the guard process loads this package and must stay small.
"""
