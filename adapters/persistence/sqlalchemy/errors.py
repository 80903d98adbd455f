"""The one place where exceptions of SQLAlchemy and of the drivers become refusals of FastOps.

A database says what is wrong by a code: PostgreSQL by an SQLSTATE, MariaDB and MySQL by a number, SQLite by its text.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adapters.persistence.conflicts import refusal
from domain.shared.errors import Conflict, FastOpsError, StorageFull, Unavailable

RETRY_AFTER = 1.0
FULL = {"53100", 1021, 1114}
FULL_TEXTS = ("disk is full", "disk i/o error", "no space left", "could not extend file")
BROKEN_OFF = {"40001", "40P01", 1020, 1213}
"""Serialization failure and deadlock: the transaction is gone, and may be run again as it was."""
LOST = {"08000", "08003", "08006", "25P03", "57P01", "57P02", "57P03", 1053, 1927, 2006, 2013, 4031}
"""The connection is gone, or the server is about to end it."""
LOCKED = {"55P03", 1205}
CROWDED = {"53300", 1040, 1203, 1226}
TOO_LONG = {"57014", 1969, 3024}
REFUSED = {"28000", "28P01", "3D000", "42501", 1044, 1045, 1049, 1142, 1698}
UNIQUE = {"23505", 1062}
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")
_MARIADB_KEY = re.compile(r"for key '(?:\w+\.)?(\w+)'$")
_INTO = re.compile(r"INSERT INTO `?(\w+)|UPDATE `?(\w+)")


class OutcomeUnknown(Unavailable):
    """The answer to a COMMIT was lost: everything of the unit was kept, or nothing."""

    default_code = "outcome_unknown"
    default_detail = (
        "The connection to the database broke while this was being saved, so it is done whole or not at all. Repeat"
        " it with the same Idempotency-Key to learn which; without one, look first."
    )
    default_retry_after = RETRY_AFTER


@contextmanager
def translated() -> Iterator[None]:
    """Raise FastOps errors in place of the database's."""
    try:
        yield
    except FastOpsError:
        raise
    except SQLAlchemyError as error:
        raise translation(error) from error
    except OSError as error:
        raise _unavailable() from error
    except Exception as error:
        if _code(error) is None:
            raise
        raise translation(error) from error  # a driver's own, from before SQLAlchemy has a connection


def broken_off(error: BaseException) -> bool:
    """Whether the server has undone this transaction in favour of another one."""
    return _code(error) in BROKEN_OFF


def lost(error: BaseException) -> bool:
    """Whether the connection broke; a server that was silent for too long may still be at work."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _code(error) in LOST
    return isinstance(error, OSError) and not isinstance(error, TimeoutError)


def unanswered(error: BaseException) -> bool:
    """Whether a statement ended without the server's word on it, so that it may or may not have been carried out."""
    return lost(error) or not isinstance(error, DBAPIError) or _code(error) is None


def locked(error: DBAPIError) -> bool:
    """Whether a statement gave up waiting for a lock that another transaction holds."""
    busy = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return busy or _code(error) in LOCKED


def is_duplicate(error: IntegrityError) -> bool:
    """Whether a server refuses a row because there is one with this key."""
    return _code(error) in UNIQUE


def undecided(error: BaseException) -> bool:
    """Whether a statement that the server refused may be tried in another way, because its time is not yet spent."""
    return _code(error) not in LOCKED | TOO_LONG


def translation(error: Exception) -> FastOpsError:
    """The refusal that a database error stands for; Unavailable where nothing more is known."""
    code, text = _code(error), str(error.__cause__ or getattr(error, "orig", None) or error).lower()
    if code in FULL or any(sign in text for sign in FULL_TEXTS):
        return StorageFull()
    if isinstance(error, IntegrityError):
        return _broken_constraint(error)
    if isinstance(error, PoolTimeoutError):
        return _busy("All database connections are in use.")
    if code in CROWDED:
        return _busy("The database server takes no more connections; lower DATABASE_POOL_SIZE or allow more there.")
    if code in LOCKED or code in BROKEN_OFF:
        return _busy("Another change holds what this one needs.")
    if code in TOO_LONG:
        return _busy("The database took too long over this.")
    if code in REFUSED:
        detail = "The database server refuses what DATABASE_URL names; check user, password, database and rights."
        return Unavailable("database_refused", detail)
    if isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError):
        raise error
    return _unavailable()


def _broken_constraint(error: IntegrityError) -> FastOpsError:
    match = _SQLITE_UNIQUE.search(str(error.orig))
    if match:
        pairs = [column.strip().split(".") for column in match.group(1).split(",")]
        return refusal(None, (pairs[0][0], *(column for _, column in pairs)))
    if is_duplicate(error):
        return refusal(_constraint(error))
    return Conflict("reference_missing", "Something that this refers to is gone.")


def _constraint(error: IntegrityError) -> str | None:
    """The name of a unique constraint. MariaDB calls every primary key PRIMARY, so the table is the statement's."""
    named: str | None = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
    if named is not None:
        return named
    said = str(getattr(error.orig, "args", ("",))[-1])  # the text itself: shown as a tuple its quotes may be escaped
    key, into = _MARIADB_KEY.search(said), _INTO.match(error.statement or "")
    if key is None:
        return None
    return f"pk_{into.group(1) or into.group(2)}" if key.group(1) == "PRIMARY" and into else key.group(1)


def _code(error: BaseException) -> str | int | None:
    """SQLSTATE of PostgreSQL or number of MariaDB, of the driver's error or of the one that SQLAlchemy has wrapped."""
    origin = getattr(error, "orig", None) or error
    if type(origin).__module__ == "pymysql.err":  # its SQLSTATE is too coarse
        return next((number for number in origin.args[:1] if isinstance(number, int)), None)
    states = (getattr(one, "sqlstate", None) for one in (origin, origin.__cause__))
    return next((state for state in states if isinstance(state, str)), None)


def _busy(detail: str) -> Unavailable:
    return Unavailable("database_busy", detail, retry_after=RETRY_AFTER)


def _unavailable() -> Unavailable:
    return Unavailable("database_unavailable", "The database does not answer.", retry_after=RETRY_AFTER)
