"""When and by what the person of a session was proven.

Both are nullable additions: without them a session counts as begun with the password alone.
"""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import UtcDateTime, key_text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("authenticated_at", UtcDateTime(), nullable=True))
    op.add_column("sessions", sa.Column("methods", key_text(100), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "methods")
    op.drop_column("sessions", "authenticated_at")
