"""Which passwords are long enough only beside a second factor. An addition: empty for those chosen before."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("passwords", sa.Column("is_short", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("passwords", "is_short")
