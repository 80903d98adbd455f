"""Tables of identity."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from adapters.persistence.sqlalchemy.tables.base import (
    LONG_BYTES,
    LONG_TEXT,
    UniqueId,
    UtcDateTime,
    key_text,
    metadata,
    short_bytes,
)


def root_columns() -> list[Column[object]]:
    """Columns that every aggregate has."""
    return [
        Column("id", UniqueId(), primary_key=True),
        Column("version", Integer(), nullable=False),
        Column("created_at", UtcDateTime(), nullable=False),
        Column("updated_at", UtcDateTime(), nullable=False),
    ]


users = Table(
    "users",
    metadata,
    *root_columns(),
    Column("name", key_text(200), nullable=False),
    Column("email", key_text(254), nullable=False),
    Column("kind", key_text(20), nullable=False),
    Column("status", key_text(20), nullable=False),
    Column("email_verified", Boolean(), nullable=False),
    UniqueConstraint("email"),
    Index(None, "created_at", "id"),
    Index(None, "name", "id"),
    Index(None, "status", "created_at", "id"),
)
user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", key_text(100), primary_key=True),
    Index(None, "role", "user_id"),
)
passwords = Table(
    "passwords",
    metadata,
    Column("id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    *root_columns()[1:],
    Column("password_hash", key_text(255), nullable=False),
    Column("is_short", Boolean()),
)
sessions = Table(
    "sessions",
    metadata,
    *root_columns(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("secret_hash", short_bytes(32), nullable=False),
    Column("generation", Integer(), nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("ended_at", UtcDateTime()),
    Column("end_reason", key_text(40)),
    Column("client_address", key_text(64)),
    Column("user_agent", key_text(400)),
    Column("authenticated_at", UtcDateTime()),
    Column("methods", key_text(100)),
    Index(None, "user_id", "ended_at", "created_at", "id"),
)
totp_factors = Table(
    "totp_factors",
    metadata,
    Column("id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    *root_columns()[1:],
    Column("secret_sealed", short_bytes(200), nullable=False),
    Column("confirmed_at", UtcDateTime()),
    Column("last_step", BigInteger()),
)
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    *root_columns()[1:],
    Column("hashes", JSON(), nullable=False),
)
passkeys = Table(
    "passkeys",
    metadata,
    *root_columns(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("label", key_text(100), nullable=False),
    Column("credential_id", short_bytes(1023), nullable=False),
    Column("public_key", short_bytes(2000), nullable=False),
    Column("sign_count", BigInteger(), nullable=False),
    Column("transports", JSON(), nullable=False),
    Column("backed_up", Boolean(), nullable=False),
    Column("last_used_at", UtcDateTime()),
    Column("cloned_at", UtcDateTime()),
    UniqueConstraint("credential_id"),
    Index(None, "user_id", "created_at", "id"),
)
api_keys = Table(
    "api_keys",
    metadata,
    *root_columns(),
    Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", key_text(200), nullable=False),
    Column("scopes", JSON(), nullable=False),
    Column("secret_hash", short_bytes(32), nullable=False),
    Column("expires_at", UtcDateTime()),
    Column("allowed_cidrs", JSON(), nullable=False),
    Column("previous_hash", short_bytes(32)),
    Column("previous_until", UtcDateTime()),
    Column("last_used_at", UtcDateTime()),
    Index(None, "owner_id", "created_at", "id"),
    Index(None, "created_at", "id"),
    Index(None, "name", "id"),
)
one_time_tokens = Table(
    "one_time_tokens",
    metadata,
    *root_columns(),
    Column("subject", key_text(64), nullable=False),
    Column("purpose", key_text(20), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    Column("secret_hash", short_bytes(32), nullable=False),
    Column("content", LONG_BYTES, nullable=False),
    Column("expires_at", UtcDateTime(), nullable=False),
    UniqueConstraint("subject", "purpose"),
    UniqueConstraint("secret_hash"),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)
identities = Table(
    "identities",
    metadata,
    *root_columns(),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("provider", key_text(40), nullable=False),
    Column("issuer", key_text(255), nullable=False),
    Column("subject", key_text(255), nullable=False),
    UniqueConstraint("issuer", "subject"),
    Index(None, "user_id", "created_at", "id"),
)
"""Accounts at OpenID providers, by which users sign in."""
spent_proofs = Table(
    "spent_proofs",
    metadata,
    Column("digest", short_bytes(32), primary_key=True),
    Column("expires_at", UtcDateTime(), nullable=False),
    Index(None, "expires_at"),
)
"""What may be used once, by its SHA-256, for as long as somebody could try it again."""
roles = Table(
    "roles",
    metadata,
    *root_columns(),
    Column("name", key_text(64), nullable=False),
    Column("description", key_text(500), nullable=False),
    Column("permissions", JSON(), nullable=False),
    UniqueConstraint("name"),
)
user_groups = Table(
    "user_groups",
    metadata,
    *root_columns(),
    Column("name", key_text(200), nullable=False),
    Column("description", LONG_TEXT, nullable=False),
    UniqueConstraint("name"),
    Index(None, "created_at", "id"),
)
group_members = Table(
    "group_members",
    metadata,
    Column("group_id", ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "user_id", "group_id"),
)
RIGHTS = "rights"
epochs = Table(
    "epochs",
    metadata,
    Column("name", key_text(40), primary_key=True),
    Column("number", BigInteger(), nullable=False),
)
"""Counters that every process must hear of: changes of `rights`, and the generation of the `head_key` of the trail."""
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", key_text(64), primary_key=True),
    Column("state", key_text(20), nullable=False),
    Column("public_jwk", JSON(), nullable=False),
    Column("private_sealed", LONG_BYTES, nullable=False),
    Column("created_at", UtcDateTime(), nullable=False),
)
