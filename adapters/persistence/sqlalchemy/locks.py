"""Named locks as rows: whoever holds one keeps it until its transaction ends."""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.mysql import insert as mysql_insert
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from adapters.persistence.sqlalchemy.tables.base import MYSQL
from adapters.persistence.sqlalchemy.tables.journal import locks

MAKE: dict[str, Any] = {
    "postgresql": postgres_insert(locks).on_conflict_do_nothing(),
    MYSQL: mysql_insert(locks).on_duplicate_key_update(name=locks.c.name),
}


def take_lock(connection: Connection, name: str) -> None:
    """Wait for the lock of this name and hold it. SQLite has but one writer, so there is nothing to lock."""
    if connection.dialect.name not in MAKE:
        return
    held = select(locks.c.name).where(locks.c.name == name).with_for_update()
    if connection.execute(held).first() is None:
        connection.execute(MAKE[connection.dialect.name], {"name": name})
        connection.execute(held)
