"""The service without its journal, for the comparison alone: units are written in one statement without their entries.

    DATABASE_URL=... python -m benchmarks.baselines.unaudited PORT

No entry is made, and no sequencer, sealer or reaction finds anything to do then. The seam is `Pool.keep`, which is
replaced here.
"""

from typing import Any

from sqlalchemy import literal_column, select

from adapters.persistence.sqlalchemy import pools, unit_of_work
from adapters.persistence.sqlalchemy.pools import Pool
from adapters.persistence.sqlalchemy.unit_statements import UnitStatements, change_steps, parts_of
from adapters.persistence.sqlalchemy.unit_writer import Unit, ordered
from benchmarks.baselines import service
from domain.shared.values import new_id


class RowsAlone(UnitStatements):
    """The same statement, less its entries."""

    def of(self, unit: Unit) -> tuple[str, list[Any]]:
        steps = [step for change in ordered(unit.changes) for step in change_steps(change)]
        shape = tuple(step.shape for step in steps)
        return self.filled(shape, steps, lambda: select(literal_column("1")).add_cte(*parts_of(steps)))


async def keep(pool: Pool, unit: Unit) -> None:
    assert await pool._kept(*pool._units.of(unit), new_id())  # type: ignore[misc]


def main() -> None:
    unit_of_work.journal_entry = lambda *_: None  # type: ignore[assignment,return-value]
    pools.UnitStatements = RowsAlone  # type: ignore[misc]
    Pool.keep = keep  # type: ignore[method-assign]
    service.main()


if __name__ == "__main__":
    main()
