"""Leases on repeats, and what was found for an answer, so that its stream can be told again.

Both are nullable additions: release 0.1.0 goes on beside the new one on this schema.
"""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import UniqueId, UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("repeats", sa.Column("holder", UniqueId(), nullable=True))
    op.add_column("repeats", sa.Column("leased_until", UtcDateTime(), nullable=True))
    op.add_column("answers", sa.Column("sources", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("answers", "sources")
    op.drop_column("repeats", "leased_until")
    op.drop_column("repeats", "holder")
