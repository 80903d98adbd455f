"""Custom roles, and groups with their members."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import LONG_TEXT, UniqueId, UtcDateTime, key_text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("name", key_text(64), nullable=False),
        sa.Column("description", key_text(500), nullable=False),
        sa.Column("permissions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("name", name=op.f("uq_roles_name")),
    )
    op.create_table(
        "user_groups",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("name", key_text(200), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_user_groups_name")),
    )
    op.create_index(op.f("ix_user_groups_created_at_id"), "user_groups", ["created_at", "id"], unique=False)
    op.create_table(
        "group_members",
        sa.Column("group_id", UniqueId(), nullable=False),
        sa.Column("user_id", UniqueId(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["user_groups.id"], name=op.f("fk_group_members_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_group_members_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_user_id_group_id"), "group_members", ["user_id", "group_id"], unique=False)


def downgrade() -> None:
    op.drop_table("group_members")
    op.drop_table("user_groups")
    op.drop_table("roles")
