"""The first schema: identity, knowledge, operations, and the journal with its order and seals."""

import sqlalchemy as sa
from alembic import op

from adapters.persistence.sqlalchemy.tables.base import (
    BIG_KEY,
    DOUBLE_FLOAT,
    LONG_BYTES,
    LONG_TEXT,
    UniqueId,
    UtcDateTime,
    key_text,
    short_bytes,
)

revision = "0001"
down_revision = None
OLDEST_READER = "0.1.0"


def upgrade() -> None:
    # first and last, because it tells a schema of FastOps that is half made from a foreign one
    op.create_table(
        "installation",
        sa.Column("name", key_text(100), nullable=False),
        sa.Column("value", key_text(1000), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )
    op.create_table(
        "answers",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("owner_id", UniqueId(), nullable=True),
        sa.Column("question", LONG_TEXT, nullable=False),
        sa.Column("mode", key_text(20), nullable=False),
        sa.Column("text", LONG_TEXT, nullable=False),
        sa.Column("citations", sa.JSON(), nullable=False),
        sa.Column("model", key_text(200), nullable=True),
        sa.Column("usage", sa.JSON(), nullable=True),
        sa.Column("took_ms", DOUBLE_FLOAT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
    )
    op.create_index(
        op.f("ix_answers_owner_id_created_at_id"), "answers", ["owner_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "blobs",
        sa.Column("key", key_text(100), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("content", LONG_BYTES, nullable=False),
        sa.PrimaryKeyConstraint("key", "part", name=op.f("pk_blobs")),
    )
    op.create_table(
        "collections",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("name", key_text(200), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
    )
    op.create_index(op.f("ix_collections_created_at_id"), "collections", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_collections_name_id"), "collections", ["name", "id"], unique=False)
    op.create_table(
        "documents",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("collection_id", UniqueId(), nullable=False),
        sa.Column("external_id", key_text(200), nullable=True),
        sa.Column("dedupe_key", key_text(255), nullable=False),
        sa.Column("title", key_text(500), nullable=False),
        sa.Column("titled", sa.Boolean(), nullable=False),
        sa.Column("blob_key", key_text(100), nullable=False),
        sa.Column("content_hash", key_text(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", key_text(200), nullable=False),
        sa.Column("file_name", key_text(500), nullable=True),
        sa.Column("status", key_text(20), nullable=False),
        sa.Column("error_code", key_text(100), nullable=True),
        sa.Column("error_detail", key_text(1000), nullable=True),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("language", key_text(20), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("collection_id", "dedupe_key", name=op.f("uq_documents_collection_id_dedupe_key")),
    )
    op.create_index(
        op.f("ix_documents_collection_id_content_hash"), "documents", ["collection_id", "content_hash"], unique=False
    )
    op.create_index(
        op.f("ix_documents_collection_id_created_at_id"),
        "documents",
        ["collection_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_documents_collection_id_status_created_at_id"),
        "documents",
        ["collection_id", "status", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "jobs",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("kind", key_text(50), nullable=False),
        sa.Column("subject_id", UniqueId(), nullable=False),
        sa.Column("owner_id", UniqueId(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("status", key_text(20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("unit", key_text(30), nullable=False),
        sa.Column("error_code", key_text(100), nullable=True),
        sa.Column("error_detail", key_text(1000), nullable=True),
        sa.Column("worker", key_text(100), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("run_after", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_created_at_id"), "jobs", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_jobs_owner_id_created_at_id"), "jobs", ["owner_id", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_jobs_status_created_at_id"), "jobs", ["status", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_jobs_subject_id_status"), "jobs", ["subject_id", "status"], unique=False)
    op.create_table(
        "journal",
        sa.Column("number", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("operation", key_text(100), nullable=False),
        sa.Column("actor_type", key_text(20), nullable=False),
        sa.Column("actor_id", key_text(100), nullable=True),
        sa.Column("request_id", key_text(128), nullable=False),
        sa.Column("target_type", key_text(50), nullable=False),
        sa.Column("target_id", key_text(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("outcome", key_text(20), nullable=False),
        sa.Column("body", LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal")),
        sa.UniqueConstraint("id", name=op.f("uq_journal_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_journal_actor_id_at_id"), "journal", ["actor_id", "at", "id"], unique=False)
    op.create_index(op.f("ix_journal_at_id"), "journal", ["at", "id"], unique=False)
    op.create_index(op.f("ix_journal_operation_at_id"), "journal", ["operation", "at", "id"], unique=False)
    op.create_index(op.f("ix_journal_target_id_at_id"), "journal", ["target_id", "at", "id"], unique=False)
    op.create_table(
        "journal_order",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_journal_order")),
        sa.UniqueConstraint("number", name=op.f("uq_journal_order_number")),
    )
    op.create_table(
        "journal_pending",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal_pending")),
    )
    op.create_table(
        "journal_seals",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("root", short_bytes(32), nullable=False),
        sa.Column("head", short_bytes(32), nullable=False),
        sa.Column("signature", short_bytes(64), nullable=False),
        sa.Column("kid", key_text(64), nullable=False),
        sa.Column("sealed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal_seals")),
        sa.UniqueConstraint("last_position", name=op.f("uq_journal_seals_last_position")),
    )
    op.create_table(
        "leases",
        sa.Column("name", key_text(100), nullable=False),
        sa.Column("holder", key_text(100), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "locks",
        sa.Column("name", key_text(100), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_locks")),
    )
    op.create_table(
        "positions",
        sa.Column("follower", key_text(100), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("follower", name=op.f("pk_positions")),
    )
    op.create_table(
        "repeats",
        sa.Column("principal", key_text(100), nullable=False),
        sa.Column("route", key_text(200), nullable=False),
        sa.Column("key_hash", key_text(64), nullable=False),
        sa.Column("fingerprint", key_text(64), nullable=False),
        sa.Column("result", LONG_BYTES, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "route", "key_hash", name=op.f("pk_repeats")),
    )
    op.create_index(op.f("ix_repeats_expires_at"), "repeats", ["expires_at"], unique=False)
    op.create_table(
        "set_aside",
        sa.Column("follower", key_text(100), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("error", LONG_TEXT, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("follower", "position", name=op.f("pk_set_aside")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", key_text(64), nullable=False),
        sa.Column("state", key_text(20), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("private_sealed", LONG_BYTES, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "users",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("name", key_text(200), nullable=False),
        sa.Column("email", key_text(254), nullable=False),
        sa.Column("kind", key_text(20), nullable=False),
        sa.Column("status", key_text(20), nullable=False),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index(op.f("ix_users_created_at_id"), "users", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_users_name_id"), "users", ["name", "id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("owner_id", UniqueId(), nullable=False),
        sa.Column("name", key_text(200), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("secret_hash", short_bytes(32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("allowed_cidrs", sa.JSON(), nullable=False),
        sa.Column("previous_hash", short_bytes(32), nullable=True),
        sa.Column("previous_until", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_api_keys_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_created_at_id"), "api_keys", ["created_at", "id"], unique=False)
    op.create_index(
        op.f("ix_api_keys_owner_id_created_at_id"), "api_keys", ["owner_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "chunks",
        sa.Column("number", BIG_KEY, autoincrement=True, nullable=False),
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("document_id", UniqueId(), nullable=False),
        sa.Column("collection_id", UniqueId(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("text", LONG_TEXT, nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("vector", LONG_BYTES, nullable=False),
        sa.Column("terms", LONG_BYTES, nullable=False),
        sa.Column("index_version", key_text(100), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_chunks_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_chunks")),
        sa.UniqueConstraint("id", name=op.f("uq_chunks_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_chunks_document_id_ordinal"), "chunks", ["document_id", "ordinal"], unique=False)
    op.create_table(
        "collection_grants",
        sa.Column("collection_id", UniqueId(), nullable=False),
        sa.Column("subject_type", key_text(20), nullable=False),
        sa.Column("subject_id", UniqueId(), nullable=False),
        sa.Column("level", key_text(20), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_collection_grants_collection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "subject_type", "subject_id", name=op.f("pk_collection_grants")),
    )
    op.create_index(
        op.f("ix_collection_grants_subject_type_subject_id"),
        "collection_grants",
        ["subject_type", "subject_id"],
        unique=False,
    )
    op.create_table(
        "journal_personal",
        sa.Column("entry_id", UniqueId(), nullable=False),
        sa.Column("salt", short_bytes(16), nullable=False),
        sa.Column("body", LONG_TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["journal.id"], name=op.f("fk_journal_personal_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_journal_personal")),
    )
    op.create_table(
        "passwords",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("password_hash", key_text(255), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_passwords_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passwords")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", UniqueId(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("user_id", UniqueId(), nullable=False),
        sa.Column("secret_hash", short_bytes(32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("end_reason", key_text(40), nullable=True),
        sa.Column("client_address", key_text(64), nullable=True),
        sa.Column("user_agent", key_text(400), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(
        op.f("ix_sessions_user_id_created_at_id"), "sessions", ["user_id", "created_at", "id"], unique=False
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", UniqueId(), nullable=False),
        sa.Column("role", key_text(100), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_roles")),
    )
    op.create_index(op.f("ix_user_roles_role_user_id"), "user_roles", ["role", "user_id"], unique=False)
    installation = sa.table("installation", sa.column("name"), sa.column("value"))
    op.bulk_insert(installation, [{"name": "oldest_reader", "value": OLDEST_READER}])


def downgrade() -> None:
    op.drop_table("user_roles")
    op.drop_table("sessions")
    op.drop_table("passwords")
    op.drop_table("journal_personal")
    op.drop_table("collection_grants")
    op.drop_table("chunks")
    op.drop_table("api_keys")
    op.drop_table("users")
    op.drop_table("signing_keys")
    op.drop_table("set_aside")
    op.drop_table("repeats")
    op.drop_table("positions")
    op.drop_table("locks")
    op.drop_table("leases")
    op.drop_table("journal_seals")
    op.drop_table("journal_pending")
    op.drop_table("journal_order")
    op.drop_table("journal")
    op.drop_table("jobs")
    op.drop_table("documents")
    op.drop_table("collections")
    op.drop_table("blobs")
    op.drop_table("answers")
    op.drop_table("installation")
