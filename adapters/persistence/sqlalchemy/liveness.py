"""Pooled connections are tested before use only after they have lain idle: a test is a round trip of its own."""

import time
from typing import Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import PoolProxiedConnection

REST_SECONDS: Final = 1.0
_RETURNED = "fastops.returned_at"


def test_after_rest(engine: Engine) -> None:
    """Have this engine's pool test a connection that was returned over a second ago, and replace a dead one."""

    @event.listens_for(engine, "checkin")
    def returned(_connection: Any, record: Any) -> None:
        record.info[_RETURNED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(_RETURNED, time.monotonic()) < REST_SECONDS:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            raise DisconnectionError from error
        if not alive:
            raise DisconnectionError


def was_returned(connection: PoolProxiedConnection) -> bool:
    """Whether the connection had lain in the pool before it was taken; a new one had not."""
    return _RETURNED in connection.info
