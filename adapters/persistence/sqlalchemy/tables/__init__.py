"""The tables, by context; Alembic compares them with the migrated schema."""
