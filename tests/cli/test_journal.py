"""The journal from a terminal: where it stands, and what becomes of entries that could not be handled."""

import sqlite3

from tests.cli.conftest import Terminal

REACTION = "identity.end_sessions"


def poisoned(terminal: Terminal, position: int) -> None:
    with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
        database.execute(
            "INSERT INTO set_aside (follower, position, target_type, target_id, attempts, error, at)"
            " VALUES (?, ?, 'user', 'somebody', 5, 'ValueError', '2026-01-01 12:00:00.000000')",
            (f"reaction:{REACTION}", position),
        )
    database.close()


def test_it_tells_how_far_everything_is(terminal: Terminal) -> None:
    terminal.done("collection", "create", "Papers")
    status = terminal.done("journal", "status", "--json").data
    assert (status["head"], status["sealed"], status["unnumbered"], status["keeper"]) == (2, 2, 0, None)
    assert {item["name"]: item["lag"] for item in status["reactions"]}[REACTION] == 2
    assert "lag" in terminal.done("journal", "status").out


def test_poison_is_listed_tried_again_or_given_up(terminal: Terminal) -> None:
    assert terminal.done("journal", "poison", "--json").data == []
    poisoned(terminal, 1)
    poisoned(terminal, 2)
    items = terminal.done("journal", "poison", "--json").data
    assert [(item["reaction"], item["position"], item["error"]) for item in items] == [
        (REACTION, 1, "ValueError"),
        (REACTION, 2, "ValueError"),
    ]
    terminal.done("journal", "skip", REACTION, "1")
    terminal.done("journal", "retry", REACTION, "2")
    assert terminal.done("journal", "poison", "--json").data == []
    assert terminal.run("journal", "retry", "--all").code == 3
    assert terminal.run("journal", "skip", REACTION, "1").code == 3
    assert terminal.run("journal", "retry").code == 2
