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


def test_a_cut_end_is_found_by_the_heads_copied_out(terminal: Terminal) -> None:
    terminal.done("collection", "create", "Papers")
    terminal.done("collection", "create", "Notes")
    terminal.done("collection", "create", "Letters")
    copied = terminal.data_dir / "audit" / "heads.jsonl"
    elsewhere = terminal.folder / "elsewhere.jsonl"
    elsewhere.write_bytes(copied.read_bytes())
    assert terminal.done("audit", "verify", "--json").data["checkpoints"] == 3
    by_sql(terminal, "DELETE FROM journal WHERE number = 3", "DELETE FROM journal_seals WHERE last_position = 3")
    ended = terminal.run("audit", "verify", "--json")
    assert ended.code == 7
    assert [(found["kind"], found["sequence"]) for found in ended.data["findings"]] == [("cut", 3)]
    copied.unlink()
    assert terminal.run("audit", "verify").code == 0, "nothing here knows of it any more"
    assert terminal.run("audit", "verify", "--checkpoints", "elsewhere.jsonl").code == 7
    elsewhere.write_text("nothing of the kind\n")
    assert terminal.run("audit", "verify", "--checkpoints", "elsewhere.jsonl").code == 7
    assert terminal.run("audit", "verify", "--checkpoints", "absent.jsonl").code == 2


def test_heads_go_where_the_setting_says_and_a_cut_stops_the_copies(terminal: Terminal) -> None:
    terminal.environment["AUDIT_CHECKPOINTS_DIR"] = "safe"
    terminal.done("collection", "create", "Papers")
    assert len((terminal.folder / "safe" / "heads.jsonl").read_text().splitlines()) == 1
    by_sql(terminal, "DELETE FROM journal", "DELETE FROM journal_seals")
    ended = terminal.done("collection", "create", "Notes")
    assert "audit verify" in ended.err
    assert len((terminal.folder / "safe" / "heads.jsonl").read_text().splitlines()) == 1
