"""Pooled connections are tested before use only after they have lain idle: a test is a round trip of its own."""

import asyncio
import select
import time
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import PoolProxiedConnection

REST_SECONDS: Final = 1.0
TEST_SECONDS: Final = 1.0
"""How long a living server may take over the test; a connection that a firewall has forgotten is never answered."""
_RETURNED = "fastops.returned_at"


def test_after_rest(engine: Engine, rest: float) -> None:
    """Have this engine's pool test a connection that was returned over `rest` seconds ago, and replace a dead one."""

    @event.listens_for(engine, "checkin")
    def returned(_connection: Any, record: Any) -> None:
        record.info[_RETURNED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if _RETURNED not in record.info or time.monotonic() - record.info[_RETURNED] < rest:
            return
        try:
            connection.run_async(_test)
        except Exception as error:
            abandon(connection.driver_connection)
            raise DisconnectionError from error


def abandon(driver: Any) -> None:
    """Close a driver's connection without a word to the server, which may be past listening."""
    driver.terminate() if hasattr(driver, "terminate") else driver.close()


async def _test(driver: Any) -> None:
    async with asyncio.timeout(TEST_SECONDS):
        if hasattr(driver, "ping"):
            await driver.ping(reconnect=False)
        else:
            await driver.fetchrow(";")


def was_returned(connection: PoolProxiedConnection) -> bool:
    """Whether the connection had lain in the pool before it was taken; a new one had not."""
    return _RETURNED in connection.info


def rested_since(connection: PoolProxiedConnection, at: float) -> None:
    """Return a connection to its pool that nobody has used since `at`, by the monotonic clock."""
    info = connection.info
    connection.close()
    info[_RETURNED] = at


def has_taken_leave(driver: Any) -> bool:
    """Whether a connection of asyncpg that nobody uses has something to read: a word of farewell, or its end."""
    if driver.is_closed():
        return True
    poll = select.poll()
    poll.register(driver._transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
