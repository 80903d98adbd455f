"""Statements on the records and leases of repeats."""

from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, or_, select

from adapters.persistence.repeats import RepeatWrite
from adapters.persistence.sqlalchemy.tables.journal import repeats
from adapters.persistence.tracking import Row
from domain.shared.values import Instant

KEY = ("principal", "route", "key_hash")


def find_repeat(connection: Connection, key: Row) -> Row | None:
    row = connection.execute(select(repeats).where(_named(key))).one_or_none()
    return None if row is None else dict(row._mapping)


def put_repeat(connection: Connection, write: RepeatWrite) -> None:
    """Displace what may be displaced, then insert: of several writers at once the primary key lets one through."""
    displaced = _run_out(write.at)
    if write.holder is not None:
        displaced = or_(displaced, repeats.c.holder == write.holder)
    connection.execute(delete(repeats).where(_named(write.row), displaced))
    connection.execute(insert(repeats), write.row)


def remove_lease(connection: Connection, key: Row, holder: UUID) -> None:
    connection.execute(delete(repeats).where(_named(key), repeats.c.holder == holder))


def forget_repeats(connection: Connection, now: Instant, limit: int) -> int:
    """Remove up to `limit` rows that have run out, those longest ago first."""
    columns = [repeats.c[name] for name in KEY]
    wanted = select(*columns).where(_run_out(now)).order_by(repeats.c.expires_at).limit(limit)
    keys = [{f"old_{name}": value for name, value in row._mapping.items()} for row in connection.execute(wanted)]
    if keys:
        matches = [repeats.c[name] == bindparam(f"old_{name}") for name in KEY]
        connection.execute(delete(repeats).where(*matches, _run_out(now)), keys)
    return len(keys)


def _named(row: Row) -> ColumnElement[bool]:
    return and_(*(repeats.c[name] == row[name] for name in KEY))


def _run_out(now: Instant) -> ColumnElement[bool]:
    return and_(repeats.c.expires_at <= now, or_(repeats.c.leased_until.is_(None), repeats.c.leased_until <= now))
