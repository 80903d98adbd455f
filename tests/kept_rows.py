"""Everything that a database keeps, before and after: what changed, and whether the journal tells the same."""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, select

from adapters.persistence.conflicts import MAPPINGS
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.tables.base import metadata

Key = tuple[Any, ...]
Rows = dict[str, dict[Key, dict[str, Any]]]
Changes = Counter[str]
"""How many rows were added (`+users`), removed (`-users`) and changed (`~users`) in each table."""

MACHINERY = {"leases", "epochs", "locks", "positions", "journal_pending", "journal_order", "journal_seals"}


async def kept_rows(database: Database) -> Rows:
    """All rows by table and primary key. Leases of repeats are left out: they hold nothing and run out."""

    def call(connection: Connection) -> Rows:
        found: Rows = {}
        for table in metadata.sorted_tables:
            if table.name not in MACHINERY:
                names = [column.name for column in table.primary_key]
                rows = [dict(row._mapping) for row in connection.execute(select(table))]
                found[table.name] = {tuple(row[name] for name in names): row for row in rows if not row.get("holder")}
        return found

    return await database.read(call)


def changes(before: Rows, after: Rows) -> Changes:
    found: Changes = Counter()
    for table, rows in after.items():
        old = before[table]
        found[f"+{table}"] += len(rows.keys() - old.keys())
        found[f"-{table}"] += len(old.keys() - rows.keys())
        found[f"~{table}"] += sum(rows[key] != old[key] for key in rows.keys() & old.keys())
    return +found


def check_journal(before: Rows, after: Rows) -> None:
    """Each changed aggregate has its entry, each entry its changed aggregate, and each entry its personal row."""
    new = [row for key, row in after["journal"].items() if key not in before["journal"]]
    told = {(row["target_type"], row["target_id"]) for row in new}
    moved = set()
    for mapping in MAPPINGS:
        if mapping.journaled:
            old, rows = before[mapping.table], after[mapping.table]
            ids = {key[0] for key in old.keys() | rows.keys() if _version(old, key) != _version(rows, key)}
            moved |= {(mapping.kind, str(each)) for each in ids}
    assert told == moved
    assert {(row["id"],) for row in new} == after["journal_personal"].keys() - before["journal_personal"].keys()


def _version(rows: dict[Key, dict[str, Any]], key: Key) -> int | None:
    """Owned rows have none of their own: any change of them moves that of their root."""
    return rows[key]["version"] if key in rows else None
