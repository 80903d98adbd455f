"""Tables of operations: jobs, exports, leases, and how far the followers of the journal have come."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from adapters.persistence.sqlalchemy.tables.base import LONG_TEXT, UniqueId, UtcDateTime, key_text, metadata
from adapters.persistence.sqlalchemy.tables.identity import root_columns

jobs = Table(
    "jobs",
    metadata,
    *root_columns(),
    Column("kind", key_text(50), nullable=False),
    Column("subject_id", UniqueId(), nullable=False),
    Column("owner_id", UniqueId()),
    Column("payload", JSON(), nullable=False),
    Column("status", key_text(20), nullable=False),
    Column("attempts", Integer(), nullable=False),
    Column("done", Integer(), nullable=False),
    Column("total", Integer(), nullable=False),
    Column("unit", key_text(30), nullable=False),
    Column("error_code", key_text(100)),
    Column("error_detail", key_text(1000)),
    Column("worker", key_text(100)),
    Column("lease_until", UtcDateTime()),
    Column("run_after", UtcDateTime()),
    Index(None, "status", "created_at", "id"),
    Index(None, "owner_id", "created_at", "id"),
    Index(None, "kind", "created_at", "id"),
    Index(None, "subject_id", "status"),
    Index(None, "created_at", "id"),
)
exports = Table(
    "exports",
    metadata,
    *root_columns(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("status", key_text(20), nullable=False),
    Column("bytes", BigInteger()),
    UniqueConstraint("user_id"),
    Index(None, "expires_at"),
)
leases = Table(
    "leases",
    metadata,
    Column("name", key_text(100), primary_key=True),
    Column("holder", key_text(100), nullable=False),
    Column("until", UtcDateTime(), nullable=False),
)
positions = Table(
    "positions",
    metadata,
    Column("follower", key_text(100), primary_key=True),
    Column("position", BigInteger(), nullable=False),
)
set_aside = Table(
    "set_aside",
    metadata,
    Column("follower", key_text(100), primary_key=True),
    Column("position", BigInteger(), primary_key=True),
    Column("target_type", key_text(50), nullable=False, server_default=""),
    Column("target_id", key_text(64), nullable=False, server_default=""),
    Column("attempts", Integer(), nullable=False, server_default="5"),
    Column("error", LONG_TEXT, nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("retry_at", UtcDateTime()),
    Index(None, "follower", "target_type", "target_id", "position"),
)
"""Entries that a follower could not handle, and those that wait behind one of the same target."""
installation = Table(
    "installation",
    metadata,
    Column("name", key_text(100), primary_key=True),
    Column("value", key_text(1000), nullable=False),
)
"""Facts about this installation, such as `oldest_reader`: the oldest release that may run on this schema."""
