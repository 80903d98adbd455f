"""An index of documents by the key of their bytes, to find bytes that belong to none."""

from alembic import op

revision = "0014"
down_revision = "0013"
NAME = "ix_documents_blob_key"


def upgrade() -> None:
    op.create_index(op.f(NAME), "documents", ["blob_key"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f(NAME), table_name="documents")
