"""Runs revisions on the connection that `adapters.persistence.sqlalchemy.migrations` hands in, and on no other."""

from alembic import context

from adapters.persistence.sqlalchemy.schema import repeating
from adapters.persistence.sqlalchemy.tables import identity, journal, knowledge, operations
from adapters.persistence.sqlalchemy.tables.base import metadata

TABLES = (identity.users, journal.journal, knowledge.documents, operations.jobs)
IMPLEMENTATIONS = (repeating.RepeatingMySQL, repeating.RepeatingPostgresql)
"""Alembic takes those that were defined last for their dialects."""
connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=False,
    compare_type=True,
    patience=None if connection.dialect.name == "sqlite" else context.config.attributes["patience"],
)
context.run_migrations()
