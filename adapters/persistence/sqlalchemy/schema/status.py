"""Where the schema of a database stands."""

from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version

from sqlalchemy import Connection, String, column, insert, inspect, select, table, update

from adapters.persistence.sqlalchemy.schema.chain import chain, needed, numbers, place
from adapters.persistence.sqlalchemy.tables.operations import installation
from domain.shared.errors import Unavailable

VERSION_TABLE = "alembic_version"
OLDEST_READER, MOVED_BY = "oldest_reader", "schema_release"


class SchemaState(StrEnum):
    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    AHEAD = "ahead"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Where a schema stands: at revision `current`, of which this release needs `needed` and knows up to `head`.

    BEHIND is a schema that lacks something, be it that a migration was cut off. AHEAD is one that a newer release has
    made; `oldest_reader` is the oldest release that may still run on it. FOREIGN is a database with tables that FastOps
    did not make. `moved_by` is the release that moved the schema last.
    """

    state: SchemaState
    current: str | None
    needed: str
    head: str
    oldest_reader: str | None = None
    moved_by: str | None = None

    def takes(self, release: str) -> bool:
        """Whether services of this release may run on a schema that is not behind them."""
        if self.oldest_reader is None:
            return self.state is not SchemaState.AHEAD
        return numbers(self.oldest_reader) <= numbers(release)


class SchemaMismatch(Unavailable):
    default_code = "schema_mismatch"


def too_new(found: SchemaStatus) -> SchemaMismatch:
    """The refusal of a schema that a newer release has made; tells what it asks for and what this one is."""
    detail = (
        f"The schema ({found.current}) is newer than this release: it takes releases from {found.oldest_reader} on, "
        f"and this is {version('fastops')}, which needs {found.needed}. Run a newer release, or go back with the "
        "newer release's `fastops db downgrade`."
    )
    return SchemaMismatch(detail=detail)


def schema_status(connection: Connection) -> SchemaStatus:
    """Looks, and changes nothing."""
    head, wanted = chain()[-1].id, needed()
    names = set(inspect(connection).get_table_names())
    if not names - {VERSION_TABLE}:
        return SchemaStatus(SchemaState.EMPTY, None, wanted, head)
    current = _revision(connection) if VERSION_TABLE in names else None
    if installation.name not in names:
        return SchemaStatus(SchemaState.FOREIGN, current, wanted, head)
    facts = {row.name: row.value for row in connection.execute(select(installation))}
    return SchemaStatus(_state(current), current, wanted, head, facts.get(OLDEST_READER), facts.get(MOVED_BY))


def _revision(connection: Connection) -> str | None:
    """None where a schema was taken down to nothing, or its first step was cut off."""
    return connection.execute(select(column("version_num", String)).select_from(table(VERSION_TABLE))).scalar()


def _state(current: str | None) -> SchemaState:
    if current is not None and current not in {revision.id for revision in chain()}:
        return SchemaState.AHEAD
    return SchemaState.CURRENT if place(current) >= place(needed()) else SchemaState.BEHIND


def note(connection: Connection, name: str, value: str) -> None:
    """Write a fact about this installation over the one that is there; at no time is there none."""
    there = update(installation).where(installation.c.name == name).values(value=value)
    if connection.execute(there).rowcount == 0:
        connection.execute(insert(installation).values(name=name, value=value))
