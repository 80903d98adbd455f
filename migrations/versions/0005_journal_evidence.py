"""What the journal's followers set aside, the two parts of personal values, and the leaves of each seal."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import LONG_BYTES, LONG_TEXT, UtcDateTime, key_text, short_bytes

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("set_aside") as batch:
        batch.add_column(sa.Column("target_type", key_text(50), nullable=False, server_default=""))
        batch.add_column(sa.Column("target_id", key_text(64), nullable=False, server_default=""))
        batch.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="5"))
        batch.add_column(sa.Column("retry_at", UtcDateTime(), nullable=True))
    op.create_index(
        op.f("ix_set_aside_follower_target_type_target_id_position"),
        "set_aside",
        ["follower", "target_type", "target_id", "position"],
        unique=False,
    )
    with op.batch_alter_table("journal_personal") as batch:
        batch.alter_column("salt", existing_type=short_bytes(16), nullable=True)
        batch.alter_column("body", existing_type=LONG_TEXT, nullable=True)
        batch.add_column(sa.Column("actor_salt", short_bytes(16), nullable=True))
        batch.add_column(sa.Column("actor_body", LONG_TEXT, nullable=True))
    with op.batch_alter_table("journal_seals") as batch:
        batch.add_column(sa.Column("leaves", LONG_BYTES, nullable=True))
    op.create_index(op.f("ix_journal_target_type_at_id"), "journal", ["target_type", "at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_journal_target_type_at_id"), table_name="journal")
    with op.batch_alter_table("journal_seals") as batch:
        batch.drop_column("leaves")
    op.execute("DELETE FROM journal_personal WHERE salt IS NULL OR body IS NULL")
    with op.batch_alter_table("journal_personal") as batch:
        batch.drop_column("actor_body")
        batch.drop_column("actor_salt")
        batch.alter_column("body", existing_type=LONG_TEXT, nullable=False)
        batch.alter_column("salt", existing_type=short_bytes(16), nullable=False)
    op.drop_index(op.f("ix_set_aside_follower_target_type_target_id_position"), table_name="set_aside")
    with op.batch_alter_table("set_aside") as batch:
        batch.drop_column("retry_at")
        batch.drop_column("attempts")
        batch.drop_column("target_id")
        batch.drop_column("target_type")
