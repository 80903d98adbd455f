"""Tables of a PostgreSQL database filled with many rows each, by the server itself.

Most values follow from the column's type. Half of all documents, jobs and so on belong to one owner, one user in fifty
is in the same group, and one row in a thousand has a rare value, so that a plan that reads all it could skip shows.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

import asyncpg
from sqlalchemy import JSON, Boolean, Column, Float, Integer, LargeBinary, String, Table

from adapters.persistence.sqlalchemy.tables import identity, journal, operations
from adapters.persistence.sqlalchemy.tables.base import BytewiseText, UniqueId, UtcDateTime, metadata

FEW_ROWS = {
    identity.roles, identity.epochs, identity.signing_keys, journal.journal_pending, journal.journal_seals,
    journal.locks, operations.leases, operations.positions, operations.set_aside, operations.installation,
}  # fmt: skip
"""Tables whose rows do not grow with what the service keeps, or that no list and look-up of the API reads."""
FIRST = 1_000_000
"""Number of the first row, above those that a test has made before."""
RARE = "n % 1000 = 0"
MOMENT = "(timestamptz '2026-01-01' + n * interval '1 second')"
VALUES = {
    "users.kind": "'person'",
    "users.email": "'x' || n || '@example.net'",
    "users.status": f"CASE WHEN {RARE} THEN 'disabled' ELSE 'active' END",
    "user_roles.role": f"CASE WHEN {RARE} THEN 'editor' ELSE 'viewer' END",
    "sessions.ended_at": f"CASE WHEN {RARE} THEN NULL ELSE {MOMENT} END",
    "sessions.end_reason": f"CASE WHEN {RARE} THEN NULL ELSE 'signed_out' END",
    "api_keys.scopes": "'[]'",
    "api_keys.allowed_cidrs": "'[]'",
    "collection_grants.subject_type": "'user'",
    "collection_grants.level": "'read'",
    "documents.external_id": "'x' || n",
    "documents.dedupe_key": "'id:x' || n",
    "documents.media_type": f"CASE WHEN {RARE} THEN 'application/pdf' ELSE 'text/plain' END",
    "documents.status": f"CASE WHEN {RARE} THEN 'failed' ELSE 'ready' END",
    "chunks.headings": "'[]'",
    "answers.mode": "'extractive'",
    "answers.citations": "'[]'",
    "jobs.kind": f"CASE WHEN {RARE} THEN 'erase' ELSE 'ingest' END",
    "jobs.status": f"CASE WHEN {RARE} THEN 'failed' ELSE 'succeeded' END",
    "journal.operation": f"CASE WHEN {RARE} THEN 'user.create' ELSE 'document.add' END",
    "journal.target_type": f"CASE WHEN {RARE} THEN 'user' ELSE 'document' END",
    "journal.actor_type": "'user'",
    "journal.outcome": "'success'",
    "journal.version": "1",
    "journal.body": """'{"before":null,"after":null,"events":[]}'""",
}  # fmt: skip
"""SQL of values by the row's number n."""
OWNERS = {
    "users": ("sessions.user_id", "api_keys.owner_id", "jobs.owner_id", "answers.owner_id", "journal.actor_id"),
    "collections": ("documents.collection_id", "chunks.collection_id"),
    "documents": ("chunks.document_id",),
    "user_groups": ("group_members.group_id",),
}


async def fill(
    connection: asyncpg.Connection, rows: int, owners: Mapping[str, UUID], tables: Collection[str] = ()
) -> None:
    """Add `rows` to each table that grows, or to those `tables`.

    `owners` has by table the one row that owns half of what can be owned.
    """
    owned = {column: owners[table] for table, columns in OWNERS.items() if table in owners for column in columns}
    for table in metadata.sorted_tables:
        if table.name in tables if tables else table not in FEW_ROWS:
            await connection.execute(_insert(table, rows, owned))
    await connection.execute("VACUUM ANALYZE")


def _insert(table: Table, rows: int, owned: Mapping[str, UUID]) -> str:
    columns = [column for column in table.columns if not _draws_numbers(column)]
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join(_value(column, owned) for column in columns)
    return (
        f'INSERT INTO "{table.name}" ({names}) SELECT {values} FROM generate_series({FIRST}, {FIRST + rows - 1}) AS n'
    )


def _draws_numbers(column: "Column[object]") -> bool:
    return column.primary_key and column.autoincrement is True


def _value(column: "Column[object]", owned: Mapping[str, UUID]) -> str:
    name = f"{column.table.name}.{column.name}"
    if name in owned:
        some = "n % 50 = 0" if column.primary_key else "n % 2 = 0"
        kind = "text" if isinstance(column.type, String | BytewiseText) else "uuid"
        return f"CASE WHEN {some} THEN '{owned[name]}'::uuid ELSE {_id()} END::{kind}"
    if name in VALUES:
        return VALUES[name]
    if column.nullable:
        return "NULL"
    return _usual(column)


def _usual(column: "Column[object]") -> str:
    kind = column.type
    if column.foreign_keys or isinstance(kind, UniqueId):
        return _id()
    if isinstance(kind, UtcDateTime):
        return MOMENT
    if isinstance(kind, Boolean):
        return "true"
    if isinstance(kind, Integer | Float):
        return "n"
    if isinstance(kind, JSON):
        return "'{}'"
    if isinstance(kind, LargeBinary):
        return "decode(lpad(to_hex(n), 8, '0'), 'hex')"
    return "'x' || n"


def _id() -> str:
    return "lpad(to_hex(n), 32, '0')::uuid"
