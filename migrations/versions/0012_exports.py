"""Exports of what is held on a person. An addition: the release before goes on beside the new one on this schema."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import UniqueId, UtcDateTime, key_text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("user_id", UniqueId(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("status", key_text(20), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_exports_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        sa.UniqueConstraint("user_id", name=op.f("uq_exports_user_id")),
    )
    op.create_index(op.f("ix_exports_expires_at"), "exports", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("exports")
