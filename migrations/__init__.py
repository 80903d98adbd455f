"""Alembic's environment and the revisions of the schema; they travel inside the wheel."""
