"""The audit trail from a terminal: what verifies, and how tampering is told."""

import sqlite3

from tests.cli.conftest import Terminal


def by_sql(terminal: Terminal, *statements: str) -> None:
    with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def test_an_untouched_trail_verifies(terminal: Terminal) -> None:
    terminal.done("collection", "create", "Papers")
    terminal.done("collection", "create", "Notes")
    found = terminal.done("audit", "verify", "--json").data
    assert (found["holds"], found["entries"], found["last"], found["unsealed"]) == (True, 2, 2, 0)
    assert found["findings"] == []
    assert len(found["head"]) == 64
    assert "holds" in terminal.done("audit", "verify").out


def test_tampering_ends_with_exit_code_7_and_tells_the_place(terminal: Terminal) -> None:
    terminal.done("collection", "create", "Papers")
    terminal.done("collection", "create", "Notes")
    by_sql(terminal, """UPDATE journal SET body = replace(body, '"version":1', '"version":2') WHERE number = 2""")
    ended = terminal.run("audit", "verify", "--json")
    assert ended.code == 7
    finding = ended.data["findings"][0]
    assert (finding["kind"], finding["sequence"]) == ("altered", 2)
    assert finding["entry_id"]
    assert "altered" in terminal.run("audit", "verify").out
    assert terminal.run("audit", "verify", "--to", "1").code == 0, "that part is as it was"
