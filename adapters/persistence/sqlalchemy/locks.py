"""Named locks as rows: whoever holds one keeps it until its transaction ends."""

from typing import Any

from sqlalchemy import Connection, select

from adapters.persistence.sqlalchemy.tables.base import MYSQL
from adapters.persistence.sqlalchemy.tables.journal import locks


def take_lock(connection: Connection, name: str) -> None:
    """Wait for the lock of this name and hold it. SQLite has but one writer, so there is nothing to lock."""
    if connection.dialect.name == "sqlite":
        return
    held = select(locks.c.name).where(locks.c.name == name).with_for_update()
    if connection.execute(held).first() is None:
        connection.execute(_making(connection.dialect.name), {"name": name})
        connection.execute(held)


def _making(dialect: str) -> Any:
    """Makes the row where there is none. A database's own words are loaded by whoever speaks to it."""
    if dialect == MYSQL:
        from sqlalchemy.dialects import mysql

        return mysql.insert(locks).on_duplicate_key_update(name=locks.c.name)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(locks).on_conflict_do_nothing()
