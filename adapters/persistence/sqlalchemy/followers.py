"""How far the followers of the journal have come, what they set aside, and the state of the whole."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, exists, func, insert, select, update

from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.journal import position_column
from adapters.persistence.sqlalchemy.tables.journal import journal_pending, journal_seals
from adapters.persistence.sqlalchemy.tables.operations import leases, positions, set_aside
from application.shared.journal import (
    ATTEMPTS_MAX,
    JOURNAL_LEASE,
    FollowerState,
    JournalState,
    SetAside,
    Target,
)
from domain.shared.values import Instant

POISON = set_aside.c.attempts >= ATTEMPTS_MAX
SET_ASIDE_COUNTS = select(
    set_aside.c.follower, func.count().label("items"), func.sum(case((POISON, 1), else_=0)).label("poison")
).group_by(set_aside.c.follower)


class SqlPositions:
    """Positions only move forward."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, follower: str) -> int:
        statement = select(positions.c.position).where(positions.c.follower == follower)
        found = await self._database.read(lambda connection: connection.execute(statement).scalar())
        return int(found or 0)

    async def move(self, follower: str, position: int) -> None:
        def call(connection: Connection) -> None:
            here = positions.c.follower == follower
            moved = update(positions).where(here, positions.c.position < position).values(position=position)
            known = connection.execute(select(positions.c.position).where(here)).first()
            if known is None:
                connection.execute(insert(positions).values(follower=follower, position=position))
            else:
                connection.execute(moved)

        await self._database.write(call)


class SqlSetAsides:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, item: SetAside) -> None:
        values = {column.name: getattr(item, column.name) for column in set_aside.c}
        known = update(set_aside).where(_is(item.follower, item.position)).values(values)

        def call(connection: Connection) -> None:
            if not connection.execute(known).rowcount:
                connection.execute(insert(set_aside).values(values))

        await self._database.write(call)

    async def remove(self, follower: str, position: int) -> bool:
        statement = delete(set_aside).where(_is(follower, position))
        return await self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    async def targets(self, follower: str) -> set[Target]:
        statement = select(set_aside.c.target_type, set_aside.c.target_id).distinct()
        here = statement.where(set_aside.c.follower == follower)
        return await self._database.read(lambda connection: {(row[0], row[1]) for row in connection.execute(here)})

    async def due(self, follower: str, now: Instant, limit: int) -> Sequence[SetAside]:
        earlier = set_aside.alias("earlier")
        same = [earlier.c[name] == set_aside.c[name] for name in ("follower", "target_type", "target_id")]
        first = ~exists().where(*same, earlier.c.position < set_aside.c.position)
        wanted = select(set_aside).where(set_aside.c.follower == follower, set_aside.c.retry_at <= now, ~POISON, first)
        return await self._items(wanted.order_by(set_aside.c.position).limit(limit))

    async def poison(self, limit: int) -> Sequence[SetAside]:
        wanted = select(set_aside).where(POISON).order_by(set_aside.c.follower, set_aside.c.position)
        return await self._items(wanted.limit(limit))

    async def renew(self, now: Instant, follower: str | None = None, position: int | None = None) -> int:
        statement = update(set_aside).where(POISON).values(attempts=0, retry_at=now)
        if follower is not None:
            statement = statement.where(set_aside.c.follower == follower)
        if position is not None:
            statement = statement.where(set_aside.c.position == position)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _items(self, statement: Any) -> Sequence[SetAside]:
        return await self._database.read(lambda connection: [_item(row) for row in connection.execute(statement)])


class SqlJournalOverview:
    def __init__(self, database: Database) -> None:
        self._database = database
        head = func.max(position_column(database.dialect))
        keeper = select(leases.c.holder).where(leases.c.name == JOURNAL_LEASE)
        sealed = select(func.max(journal_seals.c.last_position))
        unnumbered = select(func.count()).select_from(journal_pending)
        self._figures = select(
            unnumbered.scalar_subquery().label("unnumbered"),
            select(func.coalesce(head, 0)).scalar_subquery().label("head"),
            func.coalesce(sealed.scalar_subquery(), 0).label("sealed"),
            keeper.scalar_subquery().label("keeper"),
        )

    async def state(self) -> JournalState:
        return await self._database.read(self._state)

    def _state(self, connection: Connection) -> JournalState:
        figures = connection.execute(self._figures).one()
        aside = {row.follower: row for row in connection.execute(SET_ASIDE_COUNTS)}
        reached = {row.follower: row.position for row in connection.execute(select(positions))}
        return JournalState(
            followers=[
                FollowerState(
                    name=name,
                    position=reached.get(name, 0),
                    waiting=aside[name].items - aside[name].poison if name in aside else 0,
                    poison=aside[name].poison if name in aside else 0,
                )
                for name in sorted({*reached, *aside})
            ],
            **figures._mapping,
        )


def _is(follower: str, position: int) -> ColumnElement[bool]:
    return and_(set_aside.c.follower == follower, set_aside.c.position == position)


def _item(row: Row[Any]) -> SetAside:
    return SetAside(**row._mapping)
