"""The journal on SQL databases: followed by position, numbered by the sequencer, sealed in Merkle batches.

On SQLite the entry's own number is its position, because there is but one writer. On servers a number is drawn before
the commit, so committed entries wait in `journal_pending` until the sequencer appends them to `journal_order`.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, false, func, insert, literal, or_, select

from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.tables.identity import epochs
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_order, journal_pending, journal_seals
from adapters.persistence.sqlalchemy.tables.operations import leases
from application.shared.journal import (
    JOURNAL_LEASE,
    ORDERED_PER_PASS,
    SEALED_PER_PASS,
    JournalEntry,
    JournalEvent,
    LeaseLost,
)
from application.shared.ports import Clock
from domain.audit.chain import Seal, SignAs, next_seal

POSITION_MAX = 2**63 - 1
_MEMBERS = ("position", "id", "at", "operation", "actor_id", "request_id", "target_type", "target_id", "version")
"""Columns that are members of `JournalEntry`; its events are in the body."""
PENDING = select(journal_pending.c.number).limit(1)
LATEST_SEAL = select(journal_seals).order_by(journal_seals.c.number.desc()).limit(1)
_SEALED = tuple(column.name for column in journal_seals.c if column.name != "leaves")
LAST_SEALED = LATEST_SEAL.with_only_columns(*(journal_seals.c[name] for name in _SEALED))

HEAD_KEY_NAME = "head_key"
HEAD_KEY = select(epochs.c.number).where(epochs.c.name == HEAD_KEY_NAME)
"""Which generation of the key signs heads; no row before the first change of keys."""


def positioned(dialect: str) -> Select[Any]:
    """Entries with their position, in the order that every reader follows."""
    columns = [column for column in journal.c if column.name != "number"]
    if dialect == "sqlite":
        return select(journal.c.number.label("position"), *columns)
    joined = select(journal_order.c.position, *columns)
    return joined.join(journal, journal.c.number == journal_order.c.number)


def position_column(dialect: str) -> Any:
    return journal.c.number if dialect == "sqlite" else journal_order.c.position


def seal_of(row: Row[Any]) -> Seal:
    """A row of `journal_seals`; seals of the first schema have no leaves."""
    return Seal(**dict(row._mapping) | {"leaves": row.leaves or b""})


class SqlJournal:
    """Reads the journal by position."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position = position_column(database.dialect)
        self._statements: dict[frozenset[str] | None, Select[Any]] = {}
        self._head = select(self._position).order_by(self._position.desc()).limit(1)

    async def after(
        self, position: int, limit: int = 1000, *, until: int | None = None, events: AbstractSet[str] | None = None
    ) -> Sequence[JournalEntry]:
        asked = {"behind": position, "until": POSITION_MAX if until is None else until, "most": limit}
        statement = self._statement(None if events is None else frozenset(events))
        return [_entry(row) for row in await self._database.rows(statement, asked)]

    def _statement(self, events: frozenset[str] | None) -> Select[Any]:
        if events not in self._statements:
            stretch = (self._position > bindparam("behind"), self._position <= bindparam("until"))
            entries = positioned(self._database.dialect).where(*stretch, *() if events is None else [_may_tell(events)])
            told = (self._position, *(journal.c[name] for name in _MEMBERS[1:]), journal.c.body)
            ordered = entries.with_only_columns(*told).order_by(self._position)
            self._statements[events] = ordered.limit(bindparam("most"))
        return self._statements[events]

    async def head(self) -> int:
        found = await self._database.rows(self._head, {})
        return int(found[0][0]) if found else 0


class SqlJournalKeeper:
    """Orders and seals, each pass in one short transaction that holds the row of the lease."""

    def __init__(self, database: Database, clock: Clock, sign: SignAs) -> None:
        self._database, self._clock, self._sign = database, clock, sign
        self._is_busy = False
        self._position = position_column(database.dialect)
        entries = positioned(database.dialect).with_only_columns(self._position, journal.c.body)
        behind = entries.where(self._position > bindparam("behind"))
        self._unsealed = behind.order_by(self._position).limit(bindparam("most"))

    async def order(self, holder: str) -> int:
        if self._database.dialect == "sqlite":
            return 0
        if not self._is_busy and not await self._database.rows(PENDING, {}):
            return 0
        count = await self._append(holder)
        self._is_busy = count > 0
        return count

    async def _append(self, holder: str) -> int:
        if self._database.dialect != "postgresql":
            return await self._database.write(lambda connection: _append_pending(connection, holder))
        held_by, count = await self._database.change(ORDERING, {"holder": holder})
        if held_by != holder:
            raise LeaseLost()
        return int(count)

    async def seal(self, holder: str) -> int:
        sealed = await self._next()
        if sealed is None:
            return 0

        def write(connection: Connection) -> None:
            _hold_lease(connection, holder)
            values = {column.name: getattr(sealed, column.name) for column in journal_seals.c}
            connection.execute(insert(journal_seals).values(values))

        await self._database.write(write)
        return sealed.size

    async def _next(self) -> Seal | None:
        """The next batch, which ends before a gap: where entries were deleted before their seal, that stays to see."""
        sealed, signs = await self._database.rows(LAST_SEALED, {}), await self._database.rows(HEAD_KEY, {})
        latest = Seal(**dict(zip(_SEALED, sealed[0], strict=True)), leaves=b"") if sealed else None
        behind, generation = latest.last_position if latest else 0, signs[0][0] if signs else 1
        rows = await self._database.rows(self._unsealed, {"behind": behind, "most": SEALED_PER_PASS})
        if not rows:
            return None
        first = rows[0][0]
        bodies = [body for place, (position, body) in enumerate(rows, first) if position == place]
        return next_seal(latest, first, bodies, partial(self._sign, generation), self._clock.now())


def _may_tell(events: AbstractSet[str]) -> Any:
    """That the text of the body names one of these, as a member that may also be another one than that of an event."""
    return or_(false(), *(journal.c.body.contains(f'"name":"{name}"', autoescape=True) for name in sorted(events)))


def _append_pending(connection: Connection, holder: str) -> int:
    """Positions follow the numbers of what is visible now; what commits later gets later positions.

    Rows are deleted by their keys: MariaDB would lock all it looks at, and wait for whoever is just writing.
    """
    _hold_lease(connection, holder)
    head = connection.execute(select(func.max(journal_order.c.position))).scalar() or 0
    waiting = select(journal_pending.c.number).order_by(journal_pending.c.number).limit(ORDERED_PER_PASS).subquery()
    place = literal(head) + func.row_number().over(order_by=waiting.c.number)
    appended = insert(journal_order).from_select(["position", "number"], select(place, waiting.c.number))
    connection.execute(appended)
    ordered = select(journal_order.c.number).where(journal_order.c.position > head)
    numbers = connection.execute(ordered).scalars().all()
    connection.execute(delete(journal_pending).where(journal_pending.c.number.in_(numbers)))
    return len(numbers)


def _ordering() -> Select[Any]:
    """All of `_append_pending` as one statement of PostgreSQL: who holds the lease, and how many entries it appended.

    It waits for the lease's row, so its view may be older than another keeper's pass. That goes well: the holder is
    read anew, entries that are gone meanwhile are passed over, and no position is taken twice.
    """
    number = journal_pending.c.number
    lease = select(leases.c.holder).where(leases.c.name == JOURNAL_LEASE).with_for_update().cte("lease")
    waiting = select(number).order_by(number).limit(ORDERED_PER_PASS)
    is_held = exists(select(lease.c.holder).where(lease.c.holder == bindparam("holder")))
    taken = delete(journal_pending).where(number.in_(waiting), is_held).returning(number).cte("taken")
    head = select(func.coalesce(func.max(journal_order.c.position), 0)).scalar_subquery()
    place = head + func.row_number().over(order_by=taken.c.number)
    appended = insert(journal_order).from_select(["position", "number"], select(place, taken.c.number))
    placed = appended.returning(journal_order.c.position).cte("placed")
    count = select(func.count()).select_from(placed).scalar_subquery()
    return select(select(lease.c.holder).scalar_subquery(), count)


ORDERING = _ordering()


def _hold_lease(connection: Connection, holder: str) -> None:
    """Lock the lease's row until the transaction ends. Raises LeaseLost where it is another's."""
    lease = select(leases.c.holder).where(leases.c.name == JOURNAL_LEASE).with_for_update()
    if connection.execute(lease).scalar() != holder:
        raise LeaseLost()


def _entry(row: Sequence[Any]) -> JournalEntry:
    *told, body = row
    events = [JournalEvent(event["name"], event["payload"]) for event in orjson.loads(body)["events"]]
    return JournalEntry(**dict(zip(_MEMBERS, told, strict=True)), events=events)
