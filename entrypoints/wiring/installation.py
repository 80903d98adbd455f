"""What an installation consists of before any part is made: the data directory, the master key and the schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from sqlalchemy.engine import make_url

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.schema.patience import Patience, only_runner, taken
from adapters.persistence.sqlalchemy.schema.status import SchemaMismatch, SchemaState, SchemaStatus, too_new
from adapters.security.master_key import MasterKey, load_master_key
from domain.shared.errors import Conflict, Unavailable
from entrypoints.settings.refusals import WrongSetting, WrongSettings
from entrypoints.settings.settings import Settings

FIRST_START_SECONDS = 600.0


class DatabaseMissing(Unavailable):
    default_code = "database_missing"


@contextmanager
def only_creator(settings: Settings, wait: float = FIRST_START_SECONDS) -> Iterator[None]:
    """Make the data directory where it is missing; of several processes one at a time is inside.

    Raises Unavailable where another one is inside for longer than `wait` seconds, and WrongSettings where DATA_DIR
    cannot be one.
    """
    with _start_lock(settings.service.data_dir) as file, only_runner(lambda: taken(file.fileno()), Patience(wait)):
        yield


def install(settings: Settings) -> None:
    """Make what SQLite needs where it is missing: the folder of its file, the master key, the schema.

    Call it inside `only_creator`. Raises as `make_place` does.
    """
    if make_place(settings):
        migrations.upgrade(settings.database_url)


def make_place(settings: Settings) -> bool:
    """Make the folder of an SQLite file and the master key where they are missing; tells whether the schema is, too.

    Raises Conflict for a foreign database, and for one whose master key is gone: a new key could not open what the old
    one sealed.
    """
    file = database_file(settings)
    if file is None:
        return False
    status = migrations.status(settings.database_url) if file.exists() else None
    empty = status is None or status.state is SchemaState.EMPTY
    if status is not None and status.state is SchemaState.FOREIGN:
        require_schema(status)
    if not empty and settings.secrets.master_key is None and not settings.master_key_file.exists():
        detail = f"The master key of this database is gone: restore {settings.master_key_file}, or set MASTER_KEY."
        raise Conflict("master_key_missing", detail)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    master_key(settings, may_create=True)
    return empty


def master_key(settings: Settings, *, may_create: bool = False) -> MasterKey:
    """The key of MASTER_KEY, else that of the data directory's file. Raises MasterKeyRefused."""
    secret = settings.secrets.master_key
    text = secret.get_secret_value() if secret is not None else None
    return load_master_key(text, settings.master_key_file, may_create=may_create and settings.store == "sqlite")


def database_file(settings: Settings) -> Path | None:
    """The file of an SQLite database, None for others."""
    return Path(str(make_url(settings.database_url).database)) if settings.store == "sqlite" else None


def _start_lock(folder: Path) -> TextIO:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (folder / "start.lock").open("a")
    except OSError as error:
        if error.errno == ENOSPC:
            raise
        detail = "must name a folder that can be written to, or a place where one can be made."
        raise WrongSettings([WrongSetting("DATA_DIR", detail)]) from None


def require_database(settings: Settings) -> None:
    """Raise DatabaseMissing, which says where was looked, when the SQLite file is not there."""
    file = database_file(settings)
    if file is not None and not file.is_file():
        start = "Start the service once, or run" if settings.makes_what_is_missing else "Run"
        detail = f"There is no database at {file.absolute()}. {start} `fastops db upgrade`."
        raise DatabaseMissing(detail=detail)


def require_schema(status: SchemaStatus) -> None:
    """Raise SchemaMismatch or Conflict unless this release can run on that schema; the sentence names the way out."""
    if status.state is SchemaState.FOREIGN:
        detail = "The database in DATABASE_URL has tables that FastOps did not make; name an empty one."
        raise Conflict("foreign_database", detail)
    if status.state is SchemaState.EMPTY:
        raise SchemaMismatch(detail="The database is empty: run `fastops db upgrade`.")
    if status.state is SchemaState.BEHIND:
        there = f"at {status.current}" if status.current else "half made"
        detail = f"The schema is {there}, this release needs {status.needed}: run `fastops db upgrade`."
        raise SchemaMismatch(detail=detail)
    if not status.takes(version("fastops")):
        raise too_new(status)
