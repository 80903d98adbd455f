"""Moving the schema of a database, and looking where it stands.

Whatever cuts a move off, the next one goes on from there: to the same schema, with the same rows.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, delete, table
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from adapters.persistence.sqlalchemy.engine import database_url
from adapters.persistence.sqlalchemy.errors import translated
from adapters.persistence.sqlalchemy.schema.chain import (
    Kind,
    Revision,
    chain,
    needed,
    oldest_reader_at,
    place,
    scripts,
)
from adapters.persistence.sqlalchemy.schema.patience import Patience
from adapters.persistence.sqlalchemy.schema.runners import Runner, alone, no_database
from adapters.persistence.sqlalchemy.schema.status import (
    MOVED_BY,
    OLDEST_READER,
    VERSION_TABLE,
    SchemaState,
    SchemaStatus,
    note,
    schema_status,
    too_new,
)
from adapters.persistence.sqlalchemy.servers import SERVING, server_engine
from domain.shared.errors import Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from adapters.persistence.sqlalchemy.schema.plan import Plan

T = TypeVar("T")
WAIT_SECONDS = 60.0
Told = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done: the revisions before and after, None for no schema, and the steps taken."""

    before: str | None
    after: str | None
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """One revision of the list."""

    revision: str
    title: str
    kind: Kind
    oldest_reader: str | None
    is_done: bool


def upgrade(
    url: str,
    revision: str | None = None,
    *,
    contract: bool = False,
    wait: float = WAIT_SECONDS,
    told: Told = lambda _done, _of: None,
) -> Moved:
    """Bring the schema up to `revision`, by default to what this release needs, and with `contract` to the newest.

    An empty database goes to the newest at once. `wait` is how many seconds to wait for another runner, and for each
    lock that somebody else holds. Raises Conflict on a foreign database, and without `contract` where a contract step
    lies on the way; NotFound for an unknown revision; Unavailable where others hold it up, or a newer release was here.
    """
    place(revision)
    return _moved(url, lambda runner: _up(runner, revision, contract, told), wait)


def downgrade(url: str, revision: str, *, wait: float = WAIT_SECONDS, told: Told = lambda _done, _of: None) -> Moved:
    """Take the schema back to `revision` (`base`: nothing is left). Raises as `upgrade` does."""
    place(revision)
    return _moved(url, lambda runner: _down(runner, revision, told), wait)


def status(url: str) -> SchemaStatus:
    """Where the schema of this database stands; changes nothing."""
    return look(url, schema_status)


def plan(url: str, *, contract: bool = False) -> "Plan":
    """What `upgrade` with the same `contract` would do; changes nothing."""
    from adapters.persistence.sqlalchemy.schema.plan import planned

    return look(url, lambda connection: planned(connection, contract=contract))


def history(url: str) -> list[Past]:
    """All revisions that this release knows, oldest first, and whether this database has them."""
    found = status(url)
    known = place(found.current) if found.state is not SchemaState.AHEAD else len(chain())
    return [
        Past(one.id, one.title, one.kind, one.oldest_reader, number <= known) for number, one in enumerate(chain(), 1)
    ]


def look(url: str, call: Callable[[Connection], T]) -> T:
    """Run a call that only reads. Raises NotFound where there is no SQLite file, Conflict where it is no database."""
    target = database_url(url)
    with translated():
        if target.get_backend_name() == "sqlite":
            return _looked_at(Path(str(target.database)), call)
        with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
            return thread.submit(asyncio.run, _looked_at_server(target, call)).result()


def _moved(url: str, work: Callable[[Runner], Moved], wait: float) -> Moved:
    with translated():
        return alone(database_url(url), work, wait)


def _up(runner: Runner, revision: str | None, contract: bool, told: Told) -> Moved:
    found = _own(runner)
    empty = found.state is SchemaState.EMPTY
    target = revision or (chain()[-1].id if contract or empty else needed())
    steps = chain()[place(found.current) : place(target)]
    for step in steps:
        if step.kind is Kind.CONTRACT and not (contract or empty):
            raise _contract_step(step)
    if empty:
        runner.step(_forget_revision)
    for done, step in enumerate(steps):
        told(done, len(steps))
        runner.step(_upward(step, runner.patience))
    return _ended(runner, found.current, steps, told)


def _down(runner: Runner, revision: str, told: Told) -> Moved:
    found = _own(runner)
    steps = chain()[place(revision) : place(found.current)][::-1]
    for done, step in enumerate(steps):
        told(done, len(steps))
        runner.step(_downward(step, runner.patience))
    return _ended(runner, found.current, steps, told)


def _own(runner: Runner) -> SchemaStatus:
    found = runner.step(schema_status)
    if found.state is SchemaState.FOREIGN:
        detail = "This database has tables that FastOps did not make; name an empty one in DATABASE_URL."
        raise Conflict("foreign_database", detail)
    if found.state is SchemaState.AHEAD:
        raise too_new(found)
    return found


def _contract_step(step: Revision) -> Conflict:
    detail = (
        f"Revision {step.id} is a contract step: releases before {step.oldest_reader} stop working on the schema after "
        "it. Once none of them runs, use `fastops db upgrade --contract`."
    )
    return Conflict("contract_step", detail)


def _upward(step: Revision, patience: Patience) -> Callable[[Connection], None]:
    def call(connection: Connection) -> None:
        if step.oldest_reader is not None:  # before anything goes, so that nobody starts on half of it
            note(connection, OLDEST_READER, step.oldest_reader)
        _alembic(connection, "upgrade", step.id, patience)

    return call


def _downward(step: Revision, patience: Patience) -> Callable[[Connection], None]:
    def call(connection: Connection) -> None:
        _alembic(connection, "downgrade", step.below, patience)
        reader = oldest_reader_at(step.below)
        if step.oldest_reader is not None and reader is not None:
            note(connection, OLDEST_READER, reader)

    return call


def _alembic(connection: Connection, direction: str, revision: str, patience: Patience) -> None:
    """What Alembic's commands do, without reading all revisions again for each step."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    way = scripts()._upgrade_revs if direction == "upgrade" else scripts()._downgrade_revs
    config = Config(attributes={"connection": connection, "patience": patience})
    with EnvironmentContext(config, scripts(), fn=lambda current, _context: way(revision, current)):
        scripts().run_env()


def _forget_revision(connection: Connection) -> None:
    """A downgrade that was cut off at its end has dropped every table, but for the note that the first step is done."""
    if connection.dialect.has_table(connection, VERSION_TABLE):
        connection.execute(delete(table(VERSION_TABLE)))


def _ended(runner: Runner, before: str | None, steps: Sequence[Revision], told: Told) -> Moved:
    after = runner.step(schema_status)
    if after.current is not None and after.moved_by != version("fastops"):
        runner.step(lambda connection: note(connection, MOVED_BY, version("fastops")))
    told(len(steps), len(steps))
    return Moved(before, after.current, tuple(step.id for step in steps))


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
        raise no_database(error) from error
    finally:
        engine.dispose()


async def _looked_at_server(url: URL, call: Callable[[Connection], T]) -> T:
    engine = server_engine(url, SERVING)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(call)
    except OSError as error:
        raise Unavailable("database_unavailable", "The database in DATABASE_URL does not answer.") from error
    finally:
        await engine.dispose()
