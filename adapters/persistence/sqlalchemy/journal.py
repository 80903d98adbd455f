"""The journal on SQL databases: followed by position, numbered by the sequencer, sealed in Merkle batches.

On SQLite the entry's own number is its position, because there is but one writer. On servers a number is drawn before
the commit, so committed entries wait in `journal_pending` until the sequencer appends them to `journal_order`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select

from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.locks import take_lock
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_order, journal_pending, journal_seals
from application.shared.journal import JournalEntry, JournalEvent
from application.shared.ports import Clock
from domain.audit.chain import GENESIS, chained_head, leaf, merkle_root

ORDERED_PER_PASS = 5_000
SEALED_PER_PASS = 1_000
Sign = Callable[[bytes], tuple[str, bytes]]
"""Signs a head: key id and Ed25519 signature."""


def positioned(dialect: str) -> Select[Any]:
    """Entries with their position, in the order that every reader follows."""
    columns = [column for column in journal.c if column.name != "number"]
    if dialect == "sqlite":
        return select(journal.c.number.label("position"), *columns)
    joined = select(journal_order.c.position, *columns)
    return joined.join(journal, journal.c.number == journal_order.c.number)


def position_column(dialect: str) -> Any:
    return journal.c.number if dialect == "sqlite" else journal_order.c.position


class SqlJournal:
    """Reads the journal by position."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries, self._position = positioned(database.dialect), position_column(database.dialect)

    async def after(self, position: int, limit: int = 1000) -> Sequence[JournalEntry]:
        statement = self._entries.where(self._position > position).order_by(self._position).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [_entry(row) for row in rows]

    async def head(self) -> int:
        statement = select(func.max(self._position))
        return await self._database.read(lambda connection: connection.execute(statement).scalar() or 0)


class SqlJournalKeeper:
    """Run by one process per database, under a lease; a lock row holds against a second one all the same."""

    def __init__(self, database: Database, clock: Clock, sign: Sign) -> None:
        self._database, self._clock, self._sign = database, clock, sign

    async def order(self) -> int:
        if self._database.dialect == "sqlite":
            return 0
        return await self._database.write(_append_pending)

    async def seal(self) -> int:
        return await self._database.write(self._seal_next)

    def _seal_next(self, connection: Connection) -> int:
        dialect = connection.dialect.name
        take_lock(connection, "journal.sealer")
        latest = connection.execute(select(journal_seals).order_by(journal_seals.c.number.desc()).limit(1)).first()
        done = latest.last_position if latest else 0
        position = position_column(dialect)
        unsealed = positioned(dialect).where(position > done).order_by(position).limit(SEALED_PER_PASS)
        rows = connection.execute(unsealed).all()
        if not rows:
            return 0
        first, last = rows[0].position, rows[-1].position
        root = merkle_root([leaf(row.position, row.body) for row in rows])
        head = chained_head(latest.head if latest else GENESIS, first, last, root)
        kid, signature = self._sign(head)
        connection.execute(
            insert(journal_seals).values(
                number=(latest.number if latest else 0) + 1,
                first_position=first,
                last_position=last,
                root=root,
                head=head,
                signature=signature,
                kid=kid,
                sealed_at=self._clock.now(),
            )
        )
        return len(rows)


def _append_pending(connection: Connection) -> int:
    take_lock(connection, "journal.sequencer")
    waiting = select(journal_pending.c.number).order_by(journal_pending.c.number).limit(ORDERED_PER_PASS)
    numbers = connection.execute(waiting).scalars().all()
    if not numbers:
        return 0
    head = connection.execute(select(func.max(journal_order.c.position))).scalar() or 0
    rows = [{"position": head + place, "number": number} for place, number in enumerate(numbers, 1)]
    connection.execute(insert(journal_order), rows)
    connection.execute(delete(journal_pending).where(journal_pending.c.number.in_(numbers)))
    return len(rows)


def _entry(row: Row[Any]) -> JournalEntry:
    body = json.loads(row.body)
    return JournalEntry(
        position=row.position,
        id=row.id,
        at=row.at,
        operation=row.operation,
        actor_id=row.actor_id,
        request_id=row.request_id,
        target_type=row.target_type,
        target_id=row.target_id,
        version=row.version,
        events=[JournalEvent(event["name"], event["payload"]) for event in body["events"]],
    )
