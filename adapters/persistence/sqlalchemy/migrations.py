"""Moving the schema: each call is one transaction, and of two runners at once the second waits and finds it done."""

import asyncio
import importlib.resources
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from adapters.persistence.sqlalchemy.engine import database_url
from adapters.persistence.sqlalchemy.errors import translated
from adapters.persistence.sqlalchemy.servers import SERVING, server_engine
from adapters.persistence.sqlalchemy.sqlite import sqlite_engine
from adapters.persistence.sqlalchemy.tables.operations import installation
from adapters.persistence.sqlalchemy.turnstile import Turnstile
from domain.shared.errors import Conflict, NotFound, Unavailable

T = TypeVar("T")
LOCK_KEY = 6_157_302_411
"""Number of the advisory lock that migration runners take on PostgreSQL; any fixed number serves."""


class SchemaState(StrEnum):
    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    AHEAD = "ahead"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where a schema stands. AHEAD is one that a newer release has made; `oldest_reader` may still run on it.

    FOREIGN is a database with tables that FastOps did not make.
    """

    state: SchemaState
    current: str | None
    head: str
    oldest_reader: str | None = None


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema up to `revision`. Raises Conflict on a foreign database, NotFound for an unknown revision."""
    _run(url, lambda connection: _command(connection, command.upgrade, revision))


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to `revision` (`base`: nothing is left). Raises as `upgrade` does."""
    _run(url, lambda connection: _command(connection, command.downgrade, revision))


def status(url: str) -> SchemaStatus:
    """Where the schema of this database stands; changes nothing."""
    return _run(url, schema_status, writing=False)


def schema_status(connection: Connection) -> SchemaStatus:
    """The same on a connection that is open already."""
    script = ScriptDirectory.from_config(_config())
    head = str(script.get_current_head())
    names = set(inspect(connection).get_table_names())
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None and not names - {"alembic_version"}:
        return SchemaStatus(SchemaState.EMPTY, None, head)
    if installation.name not in names:
        return SchemaStatus(SchemaState.FOREIGN, current, head)
    oldest = select(installation.c.value).where(installation.c.name == "oldest_reader")
    reader = connection.execute(oldest).scalar()
    if current == head:
        return SchemaStatus(SchemaState.CURRENT, current, head, reader)
    known = {revision.revision for revision in script.walk_revisions()}
    state = SchemaState.BEHIND if current in known else SchemaState.AHEAD
    return SchemaStatus(state, current, head, reader)


def _refuse_foreign(found: SchemaStatus) -> None:
    if found.state is SchemaState.FOREIGN:
        detail = "This database has tables that FastOps did not make; name an empty one in DATABASE_URL."
        raise Conflict("foreign_database", detail)


def _command(connection: Connection, run: Callable[[Config, str], None], revision: str) -> None:
    _refuse_foreign(schema_status(connection))
    config = _config()
    config.attributes["connection"] = connection
    try:
        run(config, revision)
    except CommandError as error:
        raise NotFound("unknown_revision", "There is no such revision; see `fastops db check`.") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(importlib.resources.files("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def _run(url: str, call: Callable[[Connection], T], *, writing: bool = True) -> T:
    target = database_url(url)
    with translated():
        if target.get_backend_name() == "sqlite":
            return _on_sqlite(target, call, writing)
        with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
            return thread.submit(asyncio.run, _on_server(target, call, writing)).result()


def _on_sqlite(url: URL, call: Callable[[Connection], T], writing: bool) -> T:
    """Foreign keys are off while tables are rebuilt, or SQLite would delete their children; they are checked after."""
    path = Path(str(url.database))
    if not writing:
        return _looked_at(path, call)
    engine, turnstile = sqlite_engine(url, writing=True), Turnstile(path)
    try:
        with turnstile.turn(), engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                result = call(connection)
                if connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise Conflict("foreign_keys_broken", "The migration would leave rows without their parents.")
            return result
    except DatabaseError as error:
        raise _no_database(error) from error
    finally:
        engine.dispose()
        turnstile.close()


def _looked_at(path: Path, call: Callable[[Connection], T]) -> T:
    """Read only, so that a foreign file stays as it is to the byte."""
    if not path.exists():
        raise NotFound("database_missing", f"There is no database at {path}; `fastops db upgrade` makes one.")
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return call(connection)
    except DatabaseError as error:
        raise _no_database(error) from error
    finally:
        engine.dispose()


def _no_database(error: DatabaseError) -> Exception:
    if "not a database" in str(error):
        return Conflict("foreign_database", "The file in DATABASE_URL is not a SQLite database.")
    return error


async def _on_server(url: URL, call: Callable[[Connection], T], writing: bool) -> T:
    engine = server_engine(url, SERVING)
    try:
        async with engine.begin() as connection:
            if writing and url.get_backend_name() == "postgresql":
                await connection.execute(text("SET LOCAL lock_timeout = '5s'"))
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK_KEY})"))
            return await connection.run_sync(call)
    except OSError as error:
        raise Unavailable("database_unavailable", "The database in DATABASE_URL does not answer.") from error
    finally:
        await engine.dispose()
