"""What the log means in tables: events folded to rows, rows written with their checkpoint."""
