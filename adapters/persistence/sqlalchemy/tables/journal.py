"""Tables of the seam: journal, its order, its seals, personal side rows, repeats, and locks of guards."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from adapters.persistence.sqlalchemy.tables.base import (
    BIG_KEY,
    LONG_BYTES,
    LONG_TEXT,
    UniqueId,
    UtcDateTime,
    key_text,
    metadata,
    short_bytes,
)

journal = Table(
    "journal",
    metadata,
    Column("number", BIG_KEY, primary_key=True, autoincrement=True),
    Column("id", UniqueId(), nullable=False),
    Column("at", UtcDateTime(), nullable=False),
    Column("operation", key_text(100), nullable=False),
    Column("actor_type", key_text(20), nullable=False),
    Column("actor_id", key_text(100)),
    Column("request_id", key_text(128), nullable=False),
    Column("target_type", key_text(50), nullable=False),
    Column("target_id", key_text(64), nullable=False),
    Column("version", Integer(), nullable=False),
    Column("outcome", key_text(20), nullable=False),
    Column("body", LONG_TEXT, nullable=False),
    UniqueConstraint("id"),
    Index(None, "at", "id"),
    Index(None, "target_id", "at", "id"),
    Index(None, "actor_id", "at", "id"),
    Index(None, "operation", "at", "id"),
    Index(None, "target_type", "at", "id"),
    sqlite_autoincrement=True,
)
journal_personal = Table(
    "journal_personal",
    metadata,
    Column("entry_id", ForeignKey("journal.id", ondelete="CASCADE"), primary_key=True),
    Column("salt", short_bytes(16)),
    Column("body", LONG_TEXT),
    Column("actor_salt", short_bytes(16)),
    Column("actor_body", LONG_TEXT),
)
"""Personal values of the target, and of whoever acted. Each part can be erased without the other."""
journal_pending = Table(
    "journal_pending",
    metadata,
    Column("number", BigInteger(), primary_key=True, autoincrement=False),
)
"""Committed entries without a position; not used on SQLite, where the number is the order."""
journal_order = Table(
    "journal_order",
    metadata,
    Column("position", BigInteger(), primary_key=True, autoincrement=False),
    Column("number", BigInteger(), nullable=False),
    UniqueConstraint("number"),
)
journal_seals = Table(
    "journal_seals",
    metadata,
    Column("number", Integer(), primary_key=True, autoincrement=False),
    Column("first_position", BigInteger(), nullable=False),
    Column("last_position", BigInteger(), nullable=False),
    Column("root", short_bytes(32), nullable=False),
    Column("head", short_bytes(32), nullable=False),
    Column("signature", short_bytes(64), nullable=False),
    Column("kid", key_text(64), nullable=False),
    Column("sealed_at", UtcDateTime(), nullable=False),
    Column("leaves", LONG_BYTES),
    UniqueConstraint("last_position"),
)
"""`leaves` are the hashes of the batch's entries, 32 bytes each: they tell which entry was tampered with."""
repeats = Table(
    "repeats",
    metadata,
    Column("principal", key_text(100), primary_key=True),
    Column("route", key_text(200), primary_key=True),
    Column("key_hash", key_text(64), primary_key=True),
    Column("fingerprint", key_text(64), nullable=False),
    Column("result", LONG_BYTES, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("holder", UniqueId()),
    Column("leased_until", UtcDateTime()),
    Index(None, "expires_at"),
)
"""Kept results, and leases of those who still work on one: these have a holder, no result, and expire at once."""
locks = Table("locks", metadata, Column("name", key_text(100), primary_key=True))
"""One row per guard; its row lock lets one guarded change through at a time."""
