"""Tables of knowledge."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from adapters.persistence.sqlalchemy.tables.base import (
    BIG_KEY,
    DOUBLE_FLOAT,
    LONG_BYTES,
    LONG_TEXT,
    UniqueId,
    key_text,
    metadata,
)
from adapters.persistence.sqlalchemy.tables.identity import root_columns

collections = Table(
    "collections",
    metadata,
    *root_columns(),
    Column("name", key_text(200), nullable=False),
    Column("description", LONG_TEXT, nullable=False),
    Column("metadata", JSON(), nullable=False),
    Index(None, "name", "id"),
    Index(None, "created_at", "id"),
)
collection_grants = Table(
    "collection_grants",
    metadata,
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), primary_key=True),
    Column("subject_type", key_text(20), primary_key=True),
    Column("subject_id", UniqueId(), primary_key=True),
    Column("level", key_text(20), nullable=False),
    Index(None, "subject_type", "subject_id"),
)
documents = Table(
    "documents",
    metadata,
    *root_columns(),
    Column("collection_id", UniqueId(), nullable=False),
    Column("external_id", key_text(200)),
    Column("dedupe_key", key_text(255), nullable=False),
    Column("title", key_text(500), nullable=False),
    Column("titled", Boolean(), nullable=False),
    Column("blob_key", key_text(100), nullable=False),
    Column("content_hash", key_text(64), nullable=False),
    Column("bytes", BigInteger(), nullable=False),
    Column("media_type", key_text(200), nullable=False),
    Column("file_name", key_text(500)),
    Column("status", key_text(20), nullable=False),
    Column("error_code", key_text(100)),
    Column("error_detail", key_text(1000)),
    Column("chunk_count", Integer(), nullable=False),
    Column("language", key_text(20)),
    Column("metadata", JSON(), nullable=False),
    UniqueConstraint("collection_id", "dedupe_key"),
    Index(None, "collection_id", "created_at", "id"),
    Index(None, "collection_id", "content_hash"),
    Index(None, "collection_id", "status", "created_at", "id"),
    Index(None, "collection_id", "media_type", "created_at", "id"),
    Index(None, "blob_key"),
)
"""No foreign key to collections: a removed collection's documents go one by one, by a reaction, each with an entry."""
chunks = Table(
    "chunks",
    metadata,
    Column("number", BIG_KEY, primary_key=True, autoincrement=True),
    Column("id", UniqueId(), nullable=False),
    Column("document_id", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("collection_id", UniqueId(), nullable=False),
    Column("ordinal", Integer(), nullable=False),
    Column("text", LONG_TEXT, nullable=False),
    Column("headings", JSON(), nullable=False),
    Column("page", Integer()),
    Column("start", Integer(), nullable=False),
    Column("end", Integer(), nullable=False),
    Column("vector", LONG_BYTES, nullable=False),
    Column("terms", LONG_BYTES, nullable=False),
    Column("index_version", key_text(100), nullable=False),
    UniqueConstraint("id"),
    Index(None, "document_id", "ordinal"),
    sqlite_autoincrement=True,
)
answers = Table(
    "answers",
    metadata,
    *root_columns(),
    Column("owner_id", UniqueId()),
    Column("question", LONG_TEXT, nullable=False),
    Column("mode", key_text(20), nullable=False),
    Column("text", LONG_TEXT, nullable=False),
    Column("citations", JSON(), nullable=False),
    Column("model", key_text(200)),
    Column("usage", JSON()),
    Column("took_ms", DOUBLE_FLOAT, nullable=False),
    Column("sources", JSON()),
    Index(None, "owner_id", "created_at", "id"),
)
blobs = Table(
    "blobs",
    metadata,
    Column("key", key_text(100), primary_key=True),
    Column("part", Integer(), primary_key=True),
    Column("content", LONG_BYTES, nullable=False),
)
