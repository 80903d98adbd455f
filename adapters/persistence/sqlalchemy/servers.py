"""What connections to a database server are opened with: time limits, strictness, encryption.

MariaDB and MySQL are told READ COMMITTED, which PostgreSQL has by itself: version checks and guards then see what
others have committed, and no gaps between rows are locked.
"""

import ssl
from asyncio import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import URL, ExceptionContext

from adapters.persistence.sqlalchemy.liveness import abandon
from adapters.persistence.sqlalchemy.tables.base import MYSQL
from domain.shared.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

EXTRAS = {MYSQL: "mysql", "postgresql": "postgres"}
GRACE_SECONDS = 0.25
AUTHORITY = "ssl_ca"
"""Part of a `mysql://` URL, a file of certificates: connections are encrypted and the server's name is checked."""
MARIADB_SESSION = (
    "SET SESSION sql_mode='TRADITIONAL', time_zone='+00:00',"
    " innodb_lock_wait_timeout={lock}, lock_wait_timeout={lock}"
    " /*M!100300 , max_statement_time={statement}, idle_transaction_timeout={idle} */"
    " /*!50708 , max_execution_time={statement}000 */"
)
"""Each server leaves out the other's comment: statements have a time limit on MariaDB, queries have one on MySQL."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that a statement may take, that it may wait for the locks of others, and that a transaction may idle.

    0 is without limit. A process that hangs within a transaction would keep its locks from the others. `connect` is
    for a new connection, and is always limited.
    """

    statement: int
    lock: int
    idle: int = 0
    connect: int = 5

    @property
    def silence(self) -> float | None:
        """How long the driver waits for an answer. The server, where it lives, ends a statement a little before."""
        return self.statement + GRACE_SECONDS if self.statement else None


SERVING = Limits(statement=3, lock=2, idle=5, connect=2)
"""A request waits for a connection, for one statement that is not answered, and is refused: within five seconds."""
PATIENT = Limits(statement=120, lock=5, idle=5)


def server_engine(url: URL, limits: Limits, **pool: Any) -> "AsyncEngine":
    """An engine whose connections keep to `limits`. Raises Invalid, and Unavailable where the driver is missing."""
    backend = url.get_backend_name()
    options = _postgresql(limits) if backend == "postgresql" else _mariadb(url, limits)
    try:
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(url.difference_update_query([AUTHORITY]), **options, **pool)
    except ModuleNotFoundError as error:
        detail = f"The driver of this database is not installed: `pip install 'fastops[{EXTRAS[backend]}]'`."
        raise Unavailable("driver_missing", detail) from error
    event.listen(engine.sync_engine, "handle_error", _cut_off)
    if AUTHORITY in url.query:
        event.listen(engine.sync_engine, "connect", _refuse_plain_text)
    return engine


def _postgresql(limits: Limits) -> dict[str, Any]:
    settings = {
        "application_name": "fastops",
        "statement_timeout": f"{limits.statement}s",
        "lock_timeout": f"{limits.lock}s",
        "idle_in_transaction_session_timeout": f"{limits.idle}s",
        "jit": "off",
    }
    waits = {"timeout": limits.connect, "command_timeout": limits.silence}
    return {"connect_args": {**waits, "server_settings": settings}}


def _mariadb(url: URL, limits: Limits) -> dict[str, Any]:
    session = MARIADB_SESSION.format(lock=limits.lock, statement=limits.statement, idle=limits.idle)
    arguments: dict[str, Any] = {"connect_timeout": limits.connect, "init_command": session}
    if AUTHORITY in url.query:
        arguments["ssl"] = _encryption(str(url.query[AUTHORITY]))
    return {"connect_args": arguments, "isolation_level": "READ COMMITTED"}


def _encryption(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise Invalid("database_url_invalid", "ssl_ca in DATABASE_URL names no file of certificates.") from error


def _cut_off(context: ExceptionContext) -> None:
    """Give up a connection that was left in the middle of something; to take leave would wait for the server too."""
    if not isinstance(context.original_exception, (OSError, CancelledError)):
        return
    context.is_disconnect = True
    connection = context.connection
    if connection is not None and not connection.closed and not connection.invalidated:
        abandon(connection.connection.driver_connection)


def _refuse_plain_text(connection: Any, _record: object) -> None:
    """The driver goes on in plain text with a server that offers no encryption, or with whoever hides that it does."""
    if not getattr(connection.driver_connection, "_secure", False):
        connection.close()
        detail = "The database server offers no encryption, which ssl_ca in DATABASE_URL asks for."
        raise Unavailable("database_refused", detail)
