"""Accounts at OpenID providers, and what was used once. New tables only: release 0.1.0 goes on beside the new one."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import UniqueId, UtcDateTime, key_text, short_bytes

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("user_id", UniqueId(), nullable=False),
        sa.Column("provider", key_text(40), nullable=False),
        sa.Column("issuer", key_text(255), nullable=False),
        sa.Column("subject", key_text(255), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
    )
    op.create_index(
        op.f("ix_identities_user_id_created_at_id"), "identities", ["user_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "spent_proofs",
        sa.Column("digest", short_bytes(32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_proofs")),
    )
    op.create_index(op.f("ix_spent_proofs_expires_at"), "spent_proofs", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("spent_proofs")
    op.drop_table("identities")
