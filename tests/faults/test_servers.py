"""What a database server can do to a call: break it off, make it wait, go away, refuse. On PostgreSQL and MariaDB."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.util import await_only

from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from adapters.persistence.sqlalchemy.pools import PoolTerms
from adapters.persistence.sqlalchemy.servers import Limits
from domain.shared.errors import Unavailable
from tests.proxy import line_to

POOL = PoolTerms(pool_size=3, max_overflow=0, pool_timeout=0.2, pool_recycle=3600)
SLEEP = {"postgresql": "SELECT pg_sleep(30)", "mysql": "SELECT SLEEP(30)"}
KILL = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND datname = current_database()",
    "mysql": "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = DATABASE()",
}


@pytest.fixture(params=["postgres", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest_asyncio.fixture
async def database(url: str) -> AsyncIterator[ServerDatabase]:
    """A database whose statements may take two seconds, waits for locks included."""
    opened = ServerDatabase(database_url(url), limits=Limits(statement=2, lock=1), **POOL)
    await opened.write(lambda c: c.execute(text("INSERT INTO locks (name) VALUES ('a'), ('b')")) and None)
    yield opened
    await opened.close()


def lock(name: str) -> Callable[[Connection], Any]:
    return lambda c: c.execute(text("SELECT name FROM locks WHERE name = :name FOR UPDATE"), {"name": name}).all()


async def test_of_two_that_block_each_other_both_end_well(database: ServerDatabase) -> None:
    both_hold, runs = asyncio.Barrier(2), {"a": 0, "b": 0}

    def crosswise(first: str, second: str) -> Callable[[Connection], None]:
        def call(connection: Connection) -> None:
            runs[first] += 1
            lock(first)(connection)
            if runs[first] == 1:
                await_only(both_hold.wait())
            lock(second)(connection)

        return call

    await asyncio.gather(database.write(crosswise("a", "b")), database.write(crosswise("b", "a")))
    assert sorted(runs.values()) == [1, 2]


async def test_writers_that_replace_neighbouring_rows_do_not_block_each_other(database: ServerDatabase) -> None:
    """Locks on the gaps between rows, as MariaDB takes them unless told otherwise, would make a deadlock of this."""
    both_deleted, runs = asyncio.Barrier(2), []

    def replace(name: str) -> Callable[[Connection], None]:
        def call(connection: Connection) -> None:
            runs.append(name)
            connection.execute(text("DELETE FROM locks WHERE name = :name"), {"name": name})
            if len(runs) < 3:
                await_only(both_deleted.wait())
            connection.execute(text("INSERT INTO locks (name) VALUES (:name)"), {"name": name})

        return call

    await asyncio.gather(database.write(replace("x")), database.write(replace("y")))
    assert sorted(runs) == ["x", "y"]


async def test_who_waits_too_long_for_a_lock_is_told_so(database: ServerDatabase) -> None:
    held, let_go = asyncio.Event(), asyncio.Event()

    def keep(connection: Connection) -> None:
        lock("a")(connection)
        held.set()
        await_only(let_go.wait())

    keeping = asyncio.create_task(database.write(keep))
    await held.wait()
    try:
        with pytest.raises(Unavailable, match="database_busy"):
            await database.write(lock("a"))
    finally:
        let_go.set()
        await keeping


async def test_a_statement_that_takes_too_long_is_ended(database: ServerDatabase) -> None:
    with pytest.raises(Unavailable, match="database_busy"):
        await database.read(lambda c: c.execute(text(SLEEP[database.dialect])).all())
    await database.ping()


def kill(connection: Connection) -> None:
    """End all other connections."""
    found = connection.execute(text(KILL[connection.dialect.name])).scalars().all()
    if connection.dialect.name == "mysql":
        for number in found:
            connection.exec_driver_sql(f"KILL {int(number)}")


async def test_a_unit_that_was_lost_before_its_commit_is_run_again_and_kept_once(database: ServerDatabase) -> None:
    meeting, runs = asyncio.Barrier(2), []

    def insert(connection: Connection) -> None:
        runs.append(1)
        connection.execute(text("INSERT INTO locks (name) VALUES ('once')"))
        if len(runs) == 1:
            await_only(meeting.wait())
            await_only(meeting.wait())
        lock("a")(connection)

    writing = asyncio.create_task(database.write(insert))
    await meeting.wait()
    await database.read(kill)
    await meeting.wait()
    await writing
    assert len(runs) == 2
    for _ in range(4):
        assert await database.read(lock("once")) == [("once",)]


async def test_a_unit_that_is_lost_each_time_is_refused_in_the_end(database: ServerDatabase, url: str) -> None:
    runs, other = [], ServerDatabase(database_url(url), **POOL)

    def insert(connection: Connection) -> None:
        runs.append(1)
        connection.execute(text("INSERT INTO locks (name) VALUES ('never')"))
        await_only(other.read(kill))
        lock("a")(connection)

    with pytest.raises(Unavailable, match="database_unavailable"):
        await database.write(insert)
    await other.close()
    assert len(runs) == 2
    assert await database.read(lock("never")) == []


async def test_a_read_that_was_lost_is_run_again(database: ServerDatabase) -> None:
    meeting, runs = asyncio.Barrier(2), []

    def look(connection: Connection) -> Any:
        runs.append(1)
        connection.execute(text("SELECT 1"))
        if len(runs) == 1:
            await_only(meeting.wait())
            await_only(meeting.wait())
        return connection.execute(text("SELECT 2")).scalar()

    reading = asyncio.create_task(database.read(look))
    await meeting.wait()
    await database.read(kill)
    await meeting.wait()
    assert await reading == 2
    assert len(runs) == 2


async def test_more_calls_than_connections_are_told_to_come_again(database: ServerDatabase) -> None:
    let_go, held = asyncio.Event(), asyncio.Barrier(4)

    def keep(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        await_only(held.wait())
        await_only(let_go.wait())

    keeping = [asyncio.create_task(database.read(keep)) for _ in range(3)]
    await held.wait()
    with pytest.raises(Unavailable, match="database_busy"):
        await database.ping()
    let_go.set()
    await asyncio.gather(*keeping)
    await database.ping()


@pytest.mark.parametrize("wrong", [{"username": "nobody", "password": "not-shown"}, {"database": "not_there"}])
async def test_what_the_server_refuses_is_named_without_the_password(url: str, wrong: dict[str, str]) -> None:
    opened = ServerDatabase(database_url(make_url(url).set(**wrong).render_as_string(hide_password=False)), **POOL)
    with pytest.raises(Unavailable) as refused:
        await opened.ping()
    await opened.close()
    assert refused.value.code == "database_refused"
    assert "not-shown" not in str(refused.value)


async def test_a_server_that_is_not_there_is_unavailable(url: str) -> None:
    opened = ServerDatabase(database_url(make_url(url).set(port=9).render_as_string(hide_password=False)), **POOL)
    with pytest.raises(Unavailable, match="database_unavailable"):
        await opened.ping()
    await opened.close()


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_arguments: object, **_options: object) -> None:
        raise ModuleNotFoundError("No module named 'aiomysql'")

    monkeypatch.setattr("sqlalchemy.ext.asyncio.create_async_engine", missing)
    with pytest.raises(Unavailable, match="driver_missing") as refused:
        ServerDatabase(database_url("mysql://root@127.0.0.1/fastops"), **POOL)
    assert "fastops[mysql]" in refused.value.detail


async def test_a_line_that_swallows_everything_is_given_up_and_used_again_when_it_works(url: str) -> None:
    target = make_url(url)
    async with line_to(target.port or 0) as line:
        through = target.set(host="127.0.0.1", port=line.port)
        opened = ServerDatabase(
            database_url(through.render_as_string(hide_password=False)),
            limits=Limits(statement=1, lock=1, connect=1),
            **POOL,
        )
        await asyncio.gather(*(opened.ping() for _ in range(3)))
        line.is_black_hole = True
        for call in (opened.read, opened.write):
            with pytest.raises(Unavailable, match="database_unavailable"):
                await call(lambda c: c.execute(text("SELECT 1")).all())
        line.is_black_hole = False
        line.break_all()
        await opened.ping()
        await opened.close()
