"""What an installation consists of before any part is made: the data directory, the master key and the schema."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.engine import make_url

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.migrations import SchemaState, SchemaStatus
from adapters.security.master_key import MasterKey, load_master_key
from domain.shared.errors import Conflict, Unavailable
from entrypoints.settings.settings import Settings


class DatabaseMissing(Unavailable):
    default_code = "database_missing"


class SchemaMismatch(Unavailable):
    default_code = "schema_mismatch"


@contextmanager
def only_creator(settings: Settings) -> Iterator[None]:
    """Make the data directory where it is missing; of several processes one at a time is inside."""
    folder = settings.service.data_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "start.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(settings: Settings) -> None:
    """Make what SQLite needs where it is missing: the folder of its file, the master key, the schema.

    Call it inside `only_creator`. Raises Conflict for a foreign database, and for one whose master key is gone: a new
    key could not open what the old one sealed.
    """
    file = database_file(settings)
    if file is None:
        return
    status = migrations.status(settings.database_url) if file.exists() else None
    empty = status is None or status.state is SchemaState.EMPTY
    if status is not None and status.state is SchemaState.FOREIGN:
        require_schema(status)
    if not empty and settings.secrets.master_key is None and not settings.master_key_file.exists():
        detail = f"The master key of this database is gone: restore {settings.master_key_file}, or set MASTER_KEY."
        raise Conflict("master_key_missing", detail)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    master_key(settings, may_create=True)
    if empty:
        migrations.upgrade(settings.database_url)


def master_key(settings: Settings, *, may_create: bool = False) -> MasterKey:
    """The key of MASTER_KEY, else that of the data directory's file. Raises MasterKeyRefused."""
    secret = settings.secrets.master_key
    text = secret.get_secret_value() if secret is not None else None
    return load_master_key(text, settings.master_key_file, may_create=may_create and settings.store == "sqlite")


def database_file(settings: Settings) -> Path | None:
    """The file of an SQLite database, None for others."""
    return Path(str(make_url(settings.database_url).database)) if settings.store == "sqlite" else None


def require_database(settings: Settings) -> None:
    """Raise DatabaseMissing, which says where was looked, when the SQLite file is not there."""
    file = database_file(settings)
    if file is not None and not file.is_file():
        detail = f"There is no database at {file.absolute()}. Start the service once, or run `fastops db upgrade`."
        raise DatabaseMissing(detail=detail)


def require_schema(status: SchemaStatus) -> None:
    """Raise SchemaMismatch or Conflict unless this release can run on that schema; the sentence names the way out."""
    if status.state is SchemaState.CURRENT or (status.state is SchemaState.AHEAD and _may_read(status)):
        return
    if status.state is SchemaState.FOREIGN:
        detail = "The database in DATABASE_URL has tables that FastOps did not make; name an empty one."
        raise Conflict("foreign_database", detail)
    if status.state is SchemaState.AHEAD:
        detail = (
            f"The schema ({status.current}) is newer than this release ({status.head}): run a newer release, or go "
            "back with the newer release's `fastops db downgrade`."
        )
    elif status.state is SchemaState.EMPTY:
        detail = "The database is empty: run `fastops db upgrade`."
    else:
        detail = f"The schema is at {status.current}, this release needs {status.head}: run `fastops db upgrade`."
    raise SchemaMismatch(detail=detail)


def _may_read(status: SchemaStatus) -> bool:
    """Whether this release is at least the oldest one that may run on a schema that a newer one has made."""
    return status.oldest_reader is not None and _numbers(status.oldest_reader) <= _numbers(version("fastops"))


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".") if part.isdigit())
