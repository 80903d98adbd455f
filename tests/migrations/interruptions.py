"""Where a migration stands when something happens to it: counted in the statements that change anything.

`python -m tests.migrations.interruptions URL N` moves a schema, says so after its Nth statement, and stays there until
it is killed.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, event

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.liveness import abandon

WRITES = re.compile(r"\s*(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)


class CutOff(BaseException):
    """Nobody handles it, like the end of a process."""


@dataclass
class Seen:
    """The statements so far that change anything."""

    statements: list[str] = field(default_factory=list)


@contextmanager
def after_statement(count: int, then: Callable[[Connection], None]) -> Iterator[Seen]:
    """Have `then` called once the statement of this number, from 1, is carried out."""
    seen = Seen()

    def after(connection: Connection, _cursor: object, statement: str, *_: Any) -> None:
        if WRITES.match(statement):
            seen.statements.append(statement)
            if len(seen.statements) == count:
                then(connection)

    event.listen(Engine, "after_cursor_execute", after)
    try:
        yield seen
    finally:
        event.remove(Engine, "after_cursor_execute", after)


def cut_off(move: Callable[[], object], count: int) -> str | None:
    """Make a move whose connection breaks after so many statements; gives the last one, None where it came through."""

    def cut(connection: Connection) -> None:
        abandon(connection.connection.driver_connection)
        raise CutOff

    with after_statement(count, cut) as seen:
        try:
            move()
        except (CutOff, Exception):
            if len(seen.statements) < count:
                raise
            return seen.statements[-1]
    return None


def main() -> None:
    def stay(_: Connection) -> None:
        print("here", flush=True)
        time.sleep(600)

    with after_statement(int(sys.argv[2]), stay):
        migrations.upgrade(sys.argv[1])


if __name__ == "__main__":
    main()
