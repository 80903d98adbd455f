"""Statements of revisions on servers: each commits by itself, waits briefly for locks, and may be run again.

MariaDB commits every change of the schema at once, and PostgreSQL would hold the locks of a whole revision until its
end. So a migration that was cut off leaves its first statements behind, and the next run passes over what is there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from alembic.ddl.base import AddColumn, ColumnName, DropColumn, RenameTable
from alembic.ddl.impl import DefaultImpl
from alembic.ddl.mysql import MySQLChangeColumn, MySQLImpl
from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Index,
    Insert,
    Inspector,
    Table,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import (
    AddConstraint,
    CreateIndex,
    CreateTable,
    DDLElement,
    DropConstraint,
    DropIndex,
    DropTable,
)

from adapters.persistence.sqlalchemy.errors import is_duplicate
from adapters.persistence.sqlalchemy.schema.patience import Patience
from domain.shared.errors import Conflict

NOTHING: Mapping[str, Any] = {}


class Repeating(DefaultImpl):
    """Alembic's way of carrying out statements, where a Patience is given to its context."""

    _look: Inspector | None = None
    """What is there; it remembers what it has read, so it is good until the next change."""

    def _exec(
        self,
        construct: Executable | str,
        execution_options: Mapping[str, Any] | None = None,
        multiparams: Sequence[Mapping[str, Any]] | None = None,
        params: Mapping[str, Any] = NOTHING,
    ) -> CursorResult[Any] | None:
        patience: Patience | None = self.context_opts.get("patience")
        if patience is None or self.connection is None:
            return super()._exec(construct, execution_options, multiparams, params)
        if isinstance(construct, DDLElement):
            self._look = self._look or inspect(self.connection)
            if is_done(self._look, construct):
                return None
            self._look = None
        if isinstance(construct, CreateIndex):
            self.make_index(construct, patience)
            return None
        run = super()._exec
        try:
            return patience.repeated(lambda: run(construct, execution_options, multiparams, params))
        except IntegrityError as error:
            if isinstance(construct, Insert) and is_duplicate(error):
                return None
            raise

    def make_index(self, construct: CreateIndex, patience: Patience) -> None:
        patience.repeated(lambda: super(Repeating, self)._exec(construct))


class RepeatingMySQL(Repeating, MySQLImpl):
    __dialect__ = "mysql"


class RepeatingPostgresql(Repeating, PostgresqlImpl):
    """Indexes of tables with rows are made beside the writers of these rows."""

    __dialect__ = "postgresql"

    def make_index(self, construct: CreateIndex, patience: Patience) -> None:
        index, connection = construct.element, self.connection
        assert isinstance(index, Index)
        assert isinstance(index.table, Table)
        assert connection is not None
        patience.repeated(lambda: drop_unfinished(connection, str(index.name)))
        if connection.execute(select(literal(1)).select_from(index.table).limit(1)).first() is None:
            super().make_index(construct, patience)
            return
        index.dialect_options["postgresql"]["concurrently"] = True
        before = connection.execute(text("SHOW lock_timeout")).scalar_one()
        # it waits for transactions that are older than itself, and holds up nobody meanwhile
        connection.execute(text(f"SET lock_timeout = '{patience.seconds + 1:.0f}s'"))
        try:
            patience.repeated(lambda: self._anew(connection, construct))
        finally:
            connection.execute(text(f"SET lock_timeout = '{before}'"))

    def _anew(self, connection: Connection, construct: CreateIndex) -> None:
        """A try that was cut off leaves an index that is kept up to date and never read."""
        drop_unfinished(connection, str(construct.element.name))
        connection.execute(construct)


def drop_unfinished(connection: Connection, name: str) -> None:
    """Drop the index of this name if PostgreSQL was stopped while it made it."""
    if is_unfinished(connection, name):
        quoted = connection.dialect.identifier_preparer.quote(name)
        connection.execute(text(f"DROP INDEX CONCURRENTLY {quoted}"))


def is_unfinished(connection: Connection, name: str) -> bool:
    found = text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(quote_ident(:name)) AND NOT indisvalid")
    return connection.execute(found, {"name": name}).first() is not None


def is_done(look: Inspector, construct: DDLElement) -> bool:
    """Whether the database is as this statement would make it, by the names of what it makes or drops.

    Raises Conflict where a table of that name is there with other columns.
    """
    tables = look.get_table_names()
    match construct:
        case CreateTable(element=table):
            return table.name in tables and _same(table, _columns(look, table.name))
        case DropTable(element=table):
            return table.name not in tables
        case CreateIndex(element=index):
            return _has_index(look, index) and not _is_half(look, index)
        case DropIndex(element=index):
            return not _has_index(look, index)
        case AddConstraint(element=constraint):
            return constraint.name in _constraints(look, constraint.table.name)
        case DropConstraint(element=constraint):
            return constraint.name not in _constraints(look, constraint.table.name)
        case AddColumn(table_name=name, column=column):
            return column.name in _columns(look, name)
        case DropColumn(table_name=name, column=column):
            return column.name not in _columns(look, name)
        case ColumnName(table_name=name, newname=new) | MySQLChangeColumn(table_name=name, newname=new) if (
            new is not None and new != construct.column_name
        ):
            return {new} == {new, construct.column_name} & _columns(look, name)
        case RenameTable(table_name=name, new_table_name=new):
            return new in tables and name not in tables
    return False


def _same(table: Table, there: set[str]) -> bool:
    if there == {column.name for column in table.columns}:
        return True
    detail = f"A table {table.name} is there that this migration did not make; rename it, then run it again."
    raise Conflict("foreign_table", detail)


def _columns(look: Inspector, table: str) -> set[str]:
    return {column["name"] for column in look.get_columns(table)}


def _has_index(look: Inspector, index: Index) -> bool:
    name = str(index.table)
    return name in look.get_table_names() and index.name in {one["name"] for one in look.get_indexes(name)}


def _is_half(look: Inspector, index: Index) -> bool:
    connection = look.bind
    assert isinstance(connection, Connection)
    return connection.dialect.name == "postgresql" and is_unfinished(connection, str(index.name))


def _constraints(look: Inspector, table: str) -> set[str | None]:
    named = [*look.get_unique_constraints(table), *look.get_foreign_keys(table), *look.get_check_constraints(table)]
    return {constraint["name"] for constraint in named} | {look.get_pk_constraint(table)["name"]}
