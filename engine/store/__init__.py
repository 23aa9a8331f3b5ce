"""What must not be lost, in SQLite or PostgreSQL: one file per noun, each with plain functions over a `Tx`. It decides nothing."""
