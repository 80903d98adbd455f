"""One-time tokens, which mails carry. An addition: release 0.1.0 goes on beside the new one on this schema."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import LONG_BYTES, UniqueId, UtcDateTime, key_text, short_bytes

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "one_time_tokens",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("subject", key_text(64), nullable=False),
        sa.Column("purpose", key_text(20), nullable=False),
        sa.Column("user_id", UniqueId(), nullable=True),
        sa.Column("secret_hash", short_bytes(32), nullable=False),
        sa.Column("content", LONG_BYTES, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_tokens")),
        sa.UniqueConstraint("subject", "purpose", name=op.f("uq_one_time_tokens_subject_purpose")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_one_time_tokens_secret_hash")),
    )
    op.create_index(op.f("ix_one_time_tokens_user_id"), "one_time_tokens", ["user_id"], unique=False)
    op.create_index(op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("one_time_tokens")
