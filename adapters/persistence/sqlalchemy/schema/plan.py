"""What an upgrade would do, told without doing it."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from alembic.ddl.base import AddColumn, AlterTable, DropColumn, RenameTable
from alembic.ddl.impl import DefaultImpl
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Executable, TextClause, UpdateBase, func, inspect, select, table, text
from sqlalchemy.schema import CreateIndex, CreateTable, DropIndex, DropTable

from adapters.persistence.sqlalchemy.schema.chain import Kind, Revision, chain, module_of, needed, numbers, place
from adapters.persistence.sqlalchemy.schema.status import SchemaState, SchemaStatus, schema_status
from adapters.persistence.sqlalchemy.tables.base import MYSQL

ESTIMATES = {
    "postgresql": "SELECT reltuples FROM pg_class WHERE oid = to_regclass(quote_ident(:name))",
    MYSQL: "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :name",
}
"""To count a large table would cost more than many a step."""
_WORDS = re.compile(r"\s*(\w+(?:\s+(?:FROM|INTO|TABLE|INDEX))?)\s+[`\"]?(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Change:
    """What one statement does, in words, and the table that it touches."""

    words: str
    table: str


@dataclass(frozen=True, slots=True)
class Step:
    """One revision that is to come. `rows` are of the tables that are there and touched, on servers an estimate."""

    revision: str
    title: str
    kind: Kind
    oldest_reader: str | None
    changes: tuple[str, ...]
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """The way from `current` to `target`, by default to what this release needs, and what it means for services.

    `previous` is the release that moved the schema last, None where nobody knows; `previous_goes_on` tells whether its
    services run on the schema at the end. `contract_left` are the steps that only `--contract` takes.
    """

    state: SchemaState
    release: str
    current: str | None
    target: str
    steps: tuple[Step, ...]
    oldest_reader: str | None
    previous: str | None
    previous_goes_on: bool
    contract_left: tuple[str, ...]

    @property
    def needs_contract(self) -> bool:
        """Whether a contract step lies on the way, so that an upgrade is refused without `--contract`."""
        return self.state is not SchemaState.EMPTY and any(step.kind is Kind.CONTRACT for step in self.steps)


def planned(connection: Connection, *, contract: bool = False) -> Plan:
    """Reads where the schema stands. The state is for the caller to judge: a foreign or newer one has no steps."""
    found = schema_status(connection)
    newest = chain()[-1].id
    target = newest if contract or found.state is SchemaState.EMPTY else needed()
    if found.state in {SchemaState.FOREIGN, SchemaState.AHEAD}:
        return _plan(found, target, (), ())
    way = chain()[place(found.current) : place(target)]
    left = chain()[max(place(found.current), place(target)) :]
    return _plan(found, target, tuple(_step(connection, revision) for revision in way), left)


def _plan(found: SchemaStatus, target: str, steps: tuple[Step, ...], left: Sequence[Revision]) -> Plan:
    readers = [found.oldest_reader, *(step.oldest_reader for step in steps)]
    reader = max((one for one in readers if one), key=numbers, default=None)
    previous = found.moved_by
    goes_on = previous is None or reader is None or numbers(reader) <= numbers(previous)
    return Plan(
        found.state,
        version("fastops"),
        found.current,
        target,
        steps,
        reader,
        previous,
        goes_on,
        tuple(revision.id for revision in left),
    )


def _step(connection: Connection, revision: Revision) -> Step:
    changes = foretold(revision)
    there = set(inspect(connection).get_table_names())
    touched = sorted({change.table for change in changes} & there)
    rows = {str(name): _rows(connection, name) for name in touched}  # SQLAlchemy has a kind of str of its own
    words = tuple(dict.fromkeys(change.words for change in changes))
    return Step(revision.id, revision.title, revision.kind, revision.oldest_reader, words, rows)


def _rows(connection: Connection, name: str) -> int:
    estimate = ESTIMATES.get(connection.dialect.name)
    found = connection.execute(text(estimate), {"name": name}).scalar() if estimate else None
    if found is None or found < 0:  # PostgreSQL has never looked at the table
        found = connection.execute(select(func.count()).select_from(table(name))).scalar_one()
    return int(found)


def foretold(revision: Revision) -> list[Change]:
    """The changes of an upgrade in their order, found by running it without a database."""
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": io.StringIO()}
    )
    foreteller = Foreteller(context.dialect, None, True, None, io.StringIO(), {})
    context.impl = foreteller
    with Operations.context(context):
        module_of(revision).upgrade()
    return foreteller.changes


class Foreteller(DefaultImpl):
    """Takes down what would be done."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.changes: list[Change] = []

    def _exec(
        self,
        construct: Executable | str,
        execution_options: Mapping[str, Any] | None = None,  # noqa: ARG002 (as Alembic has it)
        multiparams: Sequence[Mapping[str, Any]] | None = None,  # noqa: ARG002
        params: Mapping[str, Any] = {},  # noqa: ARG002
    ) -> None:
        self.changes.append(_change(construct))


def _change(construct: Any) -> Change:
    match construct:
        case CreateTable(element=made):
            return Change(f"create table {made.name}", made.name)
        case DropTable(element=gone):
            return Change(f"drop table {gone.name}", gone.name)
        case CreateIndex(element=index):
            return Change(f"create index {index.name}", str(index.table))
        case DropIndex(element=index):
            return Change(f"drop index {index.name}", str(index.table))
        case AddColumn(table_name=name, column=column):
            return Change(f"add column {name}.{column.name}", name)
        case DropColumn(table_name=name, column=column):
            return Change(f"drop column {name}.{column.name}", name)
        case RenameTable(table_name=name, new_table_name=new):
            return Change(f"rename table {name} to {new}", name)
        case AlterTable(table_name=name):
            altered = getattr(construct, "column_name", None)
            return Change(f"alter column {name}.{altered}" if altered else f"alter table {name}", name)
        case UpdateBase(table=rows):
            return Change(f"{type(construct).__name__.lower()} rows of {rows}", str(rows))
        case TextClause() | str():
            return _spoken(str(construct))
    constraint = construct.element
    verb = "add" if type(construct).__name__.startswith("Add") else "drop"
    return Change(f"{verb} constraint {constraint.name}", constraint.table.name)


def _spoken(statement: str) -> Change:
    found = _WORDS.match(statement)
    if found is None:
        return Change("run a statement", "")
    verb = found.group(1).split()[0].lower()
    return Change(f"{verb} rows of {found.group(2)}", found.group(2))
