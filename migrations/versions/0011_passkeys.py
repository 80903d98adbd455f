"""Passkeys. A new table only: release 0.1.0 goes on beside the new one, without passkeys."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import UniqueId, UtcDateTime, key_text, short_bytes

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("user_id", UniqueId(), nullable=False),
        sa.Column("label", key_text(100), nullable=False),
        sa.Column("credential_id", short_bytes(1023), nullable=False),
        sa.Column("public_key", short_bytes(2000), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.JSON(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("cloned_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passkeys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(
        op.f("ix_passkeys_user_id_created_at_id"), "passkeys", ["user_id", "created_at", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("passkeys")
