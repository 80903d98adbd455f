"""The epoch of rights, which every change of rights moves."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import key_text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "epochs",
        sa.Column("name", key_text(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_epochs")),
    )
    epochs = sa.table("epochs", sa.column("name"), sa.column("number"))
    op.execute(sa.insert(epochs).values(name="rights", number=0))


def downgrade() -> None:
    op.drop_table("epochs")
