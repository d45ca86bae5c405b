"""The Postgres side: schema and migrations, connections, named SQL, waiting for checkpoints."""
