"""Indexes for lists that read a table through: keys by name, users by status, documents by media type, jobs by kind.

That of open sessions replaces the one of all sessions: of a user far more may have ended.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
INDEXES = (
    ("users", ("status", "created_at", "id")),
    ("api_keys", ("name", "id")),
    ("documents", ("collection_id", "media_type", "created_at", "id")),
    ("jobs", ("kind", "created_at", "id")),
)
OPEN_SESSIONS = ("sessions", ("user_id", "ended_at", "created_at", "id"))
SESSIONS = ("sessions", ("user_id", "created_at", "id"))
Columns = tuple[str, ...]


def upgrade() -> None:
    for table, columns in (*INDEXES, OPEN_SESSIONS):
        _create(table, columns)
    _drop(*SESSIONS)  # last, because MariaDB needs one of the two for its foreign key


def downgrade() -> None:
    _create(*SESSIONS)
    for table, columns in (OPEN_SESSIONS, *reversed(INDEXES)):
        _drop(table, columns)


def _create(table: str, columns: Columns) -> None:
    op.create_index(op.f(_name(table, columns)), table, list(columns), unique=False)


def _drop(table: str, columns: Columns) -> None:
    op.drop_index(op.f(_name(table, columns)), table_name=table)


def _name(table: str, columns: Columns) -> str:
    return f"ix_{table}_{'_'.join(columns)}"
