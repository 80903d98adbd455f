"""The one place where exceptions of SQLAlchemy and of the drivers become refusals of FastOps."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from adapters.persistence.conflicts import refusal
from domain.shared.errors import Conflict, FastOpsError, StorageFull, Unavailable

RETRY_AFTER = 1.0
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")
_FULL = ("disk is full", "disk i/o error", "no space left", "could not extend file")


@contextmanager
def translated() -> Iterator[None]:
    """Raise FastOps errors in place of the database's."""
    try:
        yield
    except SQLAlchemyError as error:
        raise translation(error) from error
    except OSError as error:
        raise Unavailable("database_unavailable", retry_after=RETRY_AFTER) from error


def translation(error: SQLAlchemyError) -> FastOpsError:
    """The refusal that a database error stands for; Unavailable where nothing more is known."""
    text = str(error.__cause__ or getattr(error, "orig", None) or error).lower()
    if any(sign in text for sign in _FULL) or _sqlstate(error) == "53100":
        return StorageFull()
    if isinstance(error, IntegrityError):
        return _broken_constraint(error)
    if isinstance(error, PoolTimeoutError):
        return Unavailable("database_busy", "All database connections are in use.", retry_after=RETRY_AFTER)
    if isinstance(error, (OperationalError, InterfaceError, DBAPIError)):
        return Unavailable("database_unavailable", "The database does not answer.", retry_after=RETRY_AFTER)
    raise error


def _broken_constraint(error: IntegrityError) -> FastOpsError:
    match = _SQLITE_UNIQUE.search(str(error.orig))
    if match:
        pairs = [column.strip().split(".") for column in match.group(1).split(",")]
        return refusal(None, (pairs[0][0], *(column for _, column in pairs)))
    cause = getattr(error.orig, "__cause__", None)
    constraint = getattr(cause, "constraint_name", None)
    if _sqlstate(error) == "23505":
        return refusal(constraint)
    return Conflict("reference_missing", "Something that this refers to is gone.")


def _sqlstate(error: SQLAlchemyError) -> str | None:
    origin = getattr(error, "orig", None)
    state: str | None = getattr(origin, "sqlstate", None) or getattr(
        getattr(origin, "__cause__", None), "sqlstate", None
    )
    return state
