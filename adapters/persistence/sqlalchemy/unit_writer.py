"""Writes one collected unit of work inside a transaction: rows, guards, journal and repeat record, in this order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Table, and_, bindparam, delete, insert, select, update

from adapters.persistence.entries import Entry
from adapters.persistence.repeats import RepeatWrite
from adapters.persistence.sqlalchemy.guards import GUARDS
from adapters.persistence.sqlalchemy.locks import take_lock
from adapters.persistence.sqlalchemy.repeats import put_repeat
from adapters.persistence.sqlalchemy.tables import identity as _identity
from adapters.persistence.sqlalchemy.tables import knowledge as _knowledge
from adapters.persistence.sqlalchemy.tables import operations as _operations
from adapters.persistence.sqlalchemy.tables.base import metadata
from adapters.persistence.sqlalchemy.tables.identity import RIGHTS, epochs
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_pending, journal_personal
from adapters.persistence.tracking import BulkWrite, Change, Owned, Row
from application.shared.unit_of_work import Rule
from domain.shared.errors import StaleVersion

__all__ = ["Unit", "ordered", "owned_rows", "plain_row", "write_unit"]
_TABLES = (_identity.users, _knowledge.documents, _operations.jobs)
ORDER = {table.name: place for place, table in enumerate(metadata.sorted_tables)}


@dataclass(frozen=True)
class Unit:
    """Everything that one commit writes."""

    changes: Sequence[Change]
    bulk: Sequence[BulkWrite]
    guards: Sequence[tuple[Rule, UUID]]
    entries: Sequence[Entry]
    repeat: RepeatWrite | None

    @property
    def moves_rights(self) -> bool:
        return any(change.moves_rights for change in self.changes)


def write_unit(connection: Connection, unit: Unit) -> None:
    """Raises StaleVersion, a guard's error, or the driver's IntegrityError; the caller's transaction then ends."""
    for name in sorted({rule.name for rule, _ in unit.guards}):  # in one order, so that no two wait for each other
        take_lock(connection, name)
    for write in unit.bulk:
        if not write.rows:
            _delete_bulk(connection, write)
    for change in ordered(unit.changes):
        _write_change(connection, change)
    for write in unit.bulk:
        if write.rows:
            _delete_bulk(connection, write)
            connection.execute(insert(metadata.tables[write.table]), list(write.rows))
    for rule, subject in unit.guards:
        if not connection.execute(GUARDS[rule.name], {"subject": subject}).scalar_one():
            raise rule.error()
    _write_entries(connection, unit.entries)
    if unit.repeat is not None:
        put_repeat(connection, unit.repeat)
    if unit.moves_rights:
        # Last, because the row is one for all and locked until the commit.
        moved = update(epochs).where(epochs.c.name == RIGHTS).values(number=epochs.c.number + 1)
        connection.execute(moved)


def ordered(changes: Iterable[Change]) -> list[Change]:
    """Parents are written before their children and removed after them."""
    kept = sorted((c for c in changes if c.after is not None), key=lambda c: ORDER[c.mapping.table])
    removed = sorted((c for c in changes if c.after is None), key=lambda c: -ORDER[c.mapping.table])
    return kept + removed


def _write_change(connection: Connection, change: Change) -> None:
    table = metadata.tables[change.mapping.table]
    if change.before is None and change.after is not None:
        connection.execute(insert(table), plain_row(change, change.after))
    elif change.before is not None:
        matches = and_(table.c.id == bindparam("old_id"), table.c.version == bindparam("old_version"))
        key = {"old_id": change.id, "old_version": change.before["version"]}
        if change.after is None:
            done = connection.execute(delete(table).where(matches), key)
        else:
            values = {name: value for name, value in plain_row(change, change.after).items() if name != "id"}
            statement = update(table).where(matches).values({name: bindparam(f"new_{name}") for name in values})
            done = connection.execute(statement, key | {f"new_{name}": value for name, value in values.items()})
        if done.rowcount != 1:
            raise StaleVersion()
    if change.after is not None:
        for part in change.mapping.owned:
            _write_owned(connection, part, change)


def _write_owned(connection: Connection, part: Owned, change: Change) -> None:
    table = metadata.tables[part.table]
    gone, new = owned_rows(part, change)
    for row in gone:
        keys = [column.name for column in table.primary_key]
        connection.execute(delete(table).where(and_(*(table.c[name] == row[name] for name in keys))))
    if new:
        connection.execute(insert(table), new)


def owned_rows(part: Owned, change: Change) -> tuple[list[Row], list[Row]]:
    """Those that go and those that come."""
    before: list[Row] = change.before[part.member] if change.before else []
    after: list[Row] = change.after[part.member] if change.after else []
    return [row for row in before if row not in after], [row for row in after if row not in before]


def plain_row(change: Change, row: Row) -> Row:
    """The row without what is owned."""
    owned = [part.member for part in change.mapping.owned]
    return {name: value for name, value in row.items() if name not in owned}


def _delete_bulk(connection: Connection, write: BulkWrite) -> None:
    table: Table = metadata.tables[write.table]
    connection.execute(delete(table).where(table.c[write.column] == write.value))


def _write_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    connection.execute(insert(journal), [entry.columns for entry in entries])
    if connection.dialect.name != "sqlite":
        numbers = select(journal.c.number).where(journal.c.id.in_([entry.id for entry in entries]))
        connection.execute(insert(journal_pending).from_select(["number"], numbers))
    connection.execute(insert(journal_personal), [entry.personal for entry in entries])
