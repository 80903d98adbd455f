"""Small units as one data-modifying statement of PostgreSQL: rows, journal entries, personal side rows, repeat record.

It is made once for each shape of a unit and is a transaction by itself, so it needs one round trip where `write_unit`
needs about ten. It only ever keeps all or refuses: an entry takes its version from the row that was changed, and where
a version check finds no row that is NULL, which the journal does not take. What is refused is left to `write_unit`,
which tells why.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import CTE, bindparam, delete, exists, insert, literal_column, select, union_all, update
from sqlalchemy.engine import Dialect

from adapters.persistence.sqlalchemy.tables.base import UtcDateTime, metadata
from adapters.persistence.sqlalchemy.tables.identity import RIGHTS, epochs
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_pending, journal_personal, repeats
from adapters.persistence.sqlalchemy.unit_writer import Unit, ordered, owned_rows, plain_row
from adapters.persistence.tracking import Change, Row

CHANGES_MAX = 4
STEPS_MAX = 24
"""Beyond that there are too many shapes, and several statements no longer cost much beside the work."""
Shape = tuple[Any, ...]
Convert = Callable[[Any], Any]


class Step(NamedTuple):
    """One part of the statement: `match` are columns that find the row, `values` those that are written."""

    action: str
    table: str
    match: Row
    values: Row
    checks: int | None = None
    """Of a journal entry: the step whose row must have been found."""

    @property
    def shape(self) -> Shape:
        """Tells apart what needs another text. Rows of one table all have the same columns here."""
        return self.action, self.table, self.checks


@dataclass(frozen=True, slots=True)
class Made:
    """The text for one shape, where its parameters come from, and which of them the driver wants in another form."""

    sql: str
    places: tuple[tuple[int, bool, Callable[[Row], Sequence[Any]]], ...]
    """Step, whether they find its row or are written, and how they are taken from there."""
    converts: tuple[tuple[int, Convert], ...]


class UnitStatements:
    """One statement for each unit that fits into one."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._made: dict[Shape, Made] = {}

    def of(self, unit: Unit) -> tuple[str, list[Any]] | None:
        """The text and its values, None for what only `write_unit` can do."""
        if not _fits(unit):
            return None
        steps = _steps(unit)
        if len(steps) > STEPS_MAX:
            return None
        shape = (unit.moves_rights, *(step.shape for step in steps))
        return self.filled(shape, steps, lambda: _statement(steps, moves_rights=unit.moves_rights))

    def filled(self, shape: Shape, steps: Sequence[Step], build: Callable[[], Any]) -> tuple[str, list[Any]]:
        """The text that `build` gives for this shape, made once, and the values of these steps."""
        made = self._made.get(shape)
        if made is None:
            made = self._made[shape] = self._compiled(build())
        values: list[Any] = []
        for number, finds, taken_from in made.places:
            values += taken_from(steps[number].match if finds else steps[number].values)
        for place, convert in made.converts:
            values[place] = convert(values[place])
        return made.sql, values

    def _compiled(self, statement: Any) -> Made:
        compiled = statement.compile(dialect=self._dialect)
        names = [_place(name) for name in compiled.positiontup or ()]
        places = [(*step, _taking([place[2] for place in group])) for step, group in groupby(names, itemgetter(0, 1))]
        found = [
            (place, compiled.binds[name].type.bind_processor(self._dialect))
            for place, name in enumerate(compiled.positiontup or ())
            if not isinstance(compiled.binds[name].type, UtcDateTime)  # the driver takes any moment that has a zone
        ]
        return Made(str(compiled), tuple(places), tuple(item for item in found if item[1] is not None))


def _taking(columns: Sequence[str]) -> Callable[[Row], Sequence[Any]]:
    """Gives these columns of a row, as a sequence also where it is one."""
    if len(columns) == 1:
        return lambda row: (row[columns[0]],)
    return itemgetter(*columns)


def _place(parameter: str) -> tuple[int, bool, str]:
    side, number, column = parameter.split("_", 2)
    return int(number), side == "match", column


def _fits(unit: Unit) -> bool:
    """Guards take locks first; a lease of one's own has to be displaced; a change without an entry is not checked."""
    if unit.bulk or unit.guards or not unit.entries or len(unit.changes) > CHANGES_MAX:
        return False
    if unit.repeat is not None and unit.repeat.holder is not None:
        return False
    return all(change.mapping.journaled or change.before is None for change in unit.changes)


def _steps(unit: Unit) -> list[Step]:
    steps: list[Step] = []
    checked: dict[Any, int] = {}
    for change in ordered(unit.changes):
        if change.before is not None:
            checked[change.mapping.kind, str(change.id)] = len(steps)
        steps += change_steps(change)
    for entry in unit.entries:
        row = entry.columns
        checks = checked.get((row["target_type"], row["target_id"]))
        assert checks is not None or row["version"] <= 1, "only what is new needs no check of its version"
        steps.append(Step("insert", journal.name, {}, row, checks))
        steps.append(Step("insert", journal_personal.name, {}, entry.personal))
    if unit.repeat is not None:
        steps.append(Step("insert", repeats.name, {}, unit.repeat.row))
    return steps


def change_steps(change: Change) -> Iterator[Step]:
    """The row of an aggregate, then the rows that it owns."""
    table = change.mapping.table
    if change.before is None:
        assert change.after is not None
        yield Step("insert", table, {}, plain_row(change, change.after))
    else:
        match = {"id": change.id, "version": change.before["version"]}
        if change.after is None:
            yield Step("delete", table, match, {})
            return
        values = plain_row(change, change.after)
        del values["id"]
        yield Step("update", table, match, values)
    for part in change.mapping.owned:
        gone, new = owned_rows(part, change)
        if gone:
            keys = metadata.tables[part.table].primary_key.columns.keys()
            yield from (Step("delete", part.table, {key: row[key] for key in keys}, {}) for row in gone)
        yield from (Step("insert", part.table, {}, row) for row in new)


def _statement(steps: Sequence[Step], *, moves_rights: bool) -> Any:
    parts = parts_of(steps)
    numbers = [select(parts[number].c.number) for number, step in enumerate(steps) if step.table == journal.name]
    if moves_rights:
        parts.append(_rights_moved(parts[next(n for n, step in enumerate(steps) if step.table == journal.name)]))
    return insert(journal_pending).from_select(["number"], union_all(*numbers)).add_cte(*parts)


def _rights_moved(entry: CTE) -> CTE:
    """After the entry, which waits for the changed row: `write_unit` locks the one row of all in this order too."""
    here = [epochs.c.name == literal_column(f"'{RIGHTS}'"), exists(select(entry.c.number))]
    return update(epochs).where(*here).values(number=epochs.c.number + literal_column("1")).cte("rights")


def parts_of(steps: Sequence[Step]) -> list[CTE]:
    """Each step as a part of one statement."""
    parts: list[CTE] = []
    for number, step in enumerate(steps):
        parts.append(_part(step, number, parts))
    return parts


def _part(step: Step, number: int, parts: Sequence[CTE]) -> CTE:
    table = metadata.tables[step.table]
    values: dict[str, Any] = {
        name: bindparam(f"value_{number}_{name}", type_=table.c[name].type) for name in step.values
    }
    found = [table.c[name] == bindparam(f"match_{number}_{name}", type_=table.c[name].type) for name in step.match]
    name = f"part_{number}"
    if step.action == "update":
        return update(table).where(*found).values(values).returning(table.c.version).cte(name)
    if step.action == "delete" and "version" not in table.c:
        return delete(table).where(*found).cte(name)
    if step.action == "delete":
        version = (table.c.version + literal_column("1")).label("version")
        return delete(table).where(*found).returning(version).cte(name)
    if step.checks is not None:
        values["version"] = select(parts[step.checks].c.version).scalar_subquery()
    added = insert(table).values(values)
    return (added.returning(table.c.number) if table is journal else added).cte(name)
