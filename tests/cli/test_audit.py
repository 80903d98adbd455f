"""The audit trail from a terminal: what verifies, and how tampering is told."""

import csv
import io
import json
import sqlite3
import stat
from typing import Any

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
    assert (found["holds"], found["entries"], found["last"], found["unsealed"]) == (True, 3, 3, 0), (
        "the first keys are the first entry"
    )
    assert found["findings"] == []
    assert len(found["head"]) == 64
    assert "holds" in terminal.done("audit", "verify").out


def test_tampering_ends_with_exit_code_7_and_tells_the_place(terminal: Terminal) -> None:
    terminal.done("collection", "create", "Papers")
    terminal.done("collection", "create", "Notes")
    by_sql(terminal, """UPDATE journal SET body = replace(body, '"version":1', '"version":2') WHERE number = 3""")
    ended = terminal.run("audit", "verify", "--json")
    assert ended.code == 7
    finding = ended.data["findings"][0]
    assert (finding["kind"], finding["sequence"]) == ("altered", 3)
    assert finding["entry_id"]
    assert "altered" in terminal.run("audit", "verify").out
    assert terminal.run("audit", "verify", "--to", "2").code == 0, "that part is as it was"


def test_a_cut_end_is_found_by_the_heads_copied_out(terminal: Terminal) -> None:
    terminal.done("collection", "create", "Papers")
    terminal.done("collection", "create", "Notes")
    terminal.done("collection", "create", "Letters")
    copied = terminal.data_dir / "audit" / "heads.jsonl"
    elsewhere = terminal.folder / "elsewhere.jsonl"
    elsewhere.write_bytes(copied.read_bytes())
    assert terminal.done("audit", "verify", "--json").data["checkpoints"] == 3
    by_sql(terminal, "DELETE FROM journal WHERE number = 4", "DELETE FROM journal_seals WHERE last_position = 4")
    ended = terminal.run("audit", "verify", "--json")
    assert ended.code == 7
    assert [(found["kind"], found["sequence"]) for found in ended.data["findings"]] == [("cut", 4)]
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


PASSWORD = "seven green tractors at dawn"


def lived_in(terminal: Terminal) -> None:
    terminal.done("collection", "create", "=HYPERLINK(1)")
    terminal.done("user", "create", "--email", "ada@example.com", "--name", "=Ada", "--password-stdin", stdin=PASSWORD)
    terminal.done("collection", "create", "Notes")


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_an_export_verifies_without_settings_and_database(terminal: Terminal, bare: Terminal) -> None:
    lived_in(terminal)
    terminal.done("audit", "export", "--output", "trail.jsonl")
    file = terminal.folder / "trail.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().count("\n") == terminal.done("audit", "export").out.count("\n")
    written = file.read_text()
    refused = terminal.run("audit", "export", "--output", "trail.jsonl")
    assert (refused.code, "file_exists" in refused.err, file.read_text()) == (4, True, written)
    kept = [record["type"] for record in records(file.read_text())]
    assert (kept[0], kept[-1], kept.count("entry")) == ("trail", "end", 5)
    elsewhere = {"DATABASE_URL": "nothing://of-the-kind"}
    found = terminal.done("audit", "verify", "--export", "trail.jsonl", "--json", **elsewhere)
    assert (found.data["holds"], found.data["entries"], found.data["last"]) == (True, 5, 5)
    assert "--key" in found.err
    key = found.data["key_ids"][0]
    assert terminal.done("audit", "verify", "--export", "trail.jsonl", "--key", key, **elsewhere).err == ""
    assert terminal.run("audit", "verify", "--export", "trail.jsonl", "--key", "other", **elsewhere).code == 7


def test_tampering_with_an_export_is_found_with_the_place(terminal: Terminal) -> None:
    lived_in(terminal)
    whole = records(terminal.done("audit", "export").out)
    file = terminal.folder / "trail.jsonl"

    def findings(changed: list[dict[str, Any]], *more: str) -> set[tuple[str, int]]:
        file.write_text("".join(json.dumps(record) + "\n" for record in changed))
        ended = terminal.run("audit", "verify", "--export", "trail.jsonl", "--json", *more)
        assert ended.code in {0, 7}, ended.err
        return {(found["kind"], found["sequence"]) for found in ended.data["findings"]}

    places = {record["sequence"]: place for place, record in enumerate(whole) if record["type"] == "entry"}
    entry = whole[places[3]]
    counted = whole[:-1]

    def ended(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*records, {"type": "end", "entries": sum(record["type"] == "entry" for record in records)}]

    assert findings(whole) == set()
    altered = entry | {"entry": entry["entry"].replace('"version":1', '"version":2')}
    assert findings([altered if record is entry else record for record in whole]) == {("altered", 3)}
    assert findings(ended([record for record in counted if record is not entry])) == {("missing", 3)}
    personal = [entry["personal"][0] | {"text": "{}"}]
    assert findings([entry | {"personal": personal} if record is entry else record for record in whole]) == {
        ("personal", 3)
    }
    assert findings([entry | {"personal": []} if record is entry else record for record in whole]) == set(), "erased"
    assert findings(ended([*counted, entry | {"sequence": 9}])) == {("inserted", 9)}
    assert findings(ended([*counted, counted[-1]])) == {("inserted", whole[-2]["sequence"])}
    heads = terminal.data_dir / "audit" / "heads.jsonl"
    last_head = max(place for place, record in enumerate(whole) if record["type"] == "head")
    cut = ended(whole[:last_head])
    assert findings(cut) == set(), "an export alone cannot tell that it was cut"
    assert {kind for kind, _ in findings(cut, "--checkpoints", str(heads))} == {"cut"}
    for broken in (whole[1:], whole[:-1], [{}, *whole], [*whole, {"type": "head"}]):
        file.write_text("".join(json.dumps(record) + "\n" for record in broken))
        refused = terminal.run("audit", "verify", "--export", "trail.jsonl")
        assert (refused.code, "export_malformed" in refused.err) == (7, True), broken


def test_a_selection_proves_each_of_its_entries(terminal: Terminal) -> None:
    lived_in(terminal)
    terminal.done("audit", "export", "--action", "user.create", "-o", "users.jsonl")
    file = terminal.folder / "users.jsonl"
    kept = records(file.read_text())
    assert {json.loads(one["entry"])["operation"] for one in kept if one["type"] == "entry"} == {"user.create"}
    assert terminal.done("audit", "verify", "--export", "users.jsonl", "--json").data["entries"] == 2
    file.write_text(file.read_text().replace("user.create", "user.delete", 1).replace("user.create", "user.delete", 1))
    assert terminal.run("audit", "verify", "--export", "users.jsonl").code == 7
    assert terminal.done("audit", "export", "--from", "2100-01-01T00:00:00Z").out.count('"entry"') == 0
    assert terminal.run("audit", "export", "--from", "yesterday").code == 2


def test_a_csv_shows_the_pseudonym_and_no_formulas(terminal: Terminal) -> None:
    lived_in(terminal)
    rows = list(csv.DictReader(io.StringIO(terminal.done("audit", "export", "--csv").out)))
    assert [row["action"] for row in rows] == [
        "signing_key.create",
        "collection.create",
        "user.create",
        "user.create",
        "collection.create",
    ]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert "HYPERLINK" in rows[1]["after"]
    person = rows[2]["target_id"]
    by_sql(terminal, "UPDATE journal_personal SET body = NULL, salt = NULL, actor_body = NULL, actor_salt = NULL")
    erased = terminal.done("audit", "export", "--csv").out
    assert "ada@example.com" not in erased
    assert person in erased
    assert rows[0]["actor_id"] in erased
    assert terminal.done("audit", "verify", "--json").data["erased"] == 5


def test_copied_heads_verify_alone(terminal: Terminal) -> None:
    lived_in(terminal)
    heads = terminal.data_dir / "audit" / "heads.jsonl"
    alone = ("audit", "verify", "--offline", "--checkpoints", str(heads), "--json")
    assert terminal.done(*alone).data["checkpoints"] == 3
    lines = heads.read_text().splitlines()
    heads.write_text("\n".join([lines[0], lines[1].replace('"number": 2', '"number": 3')]) + "\n")
    assert terminal.run(*alone).code == 7
    assert terminal.run("audit", "verify", "--offline").code == 2


def test_changes_of_keys_are_in_the_trail_and_former_ones_verify(terminal: Terminal) -> None:
    terminal.done("keys", "rotate", "--at-once")
    kid = terminal.done("keys", "rotate-audit").out.strip()
    terminal.done("collection", "create", "Papers")
    found = terminal.done("audit", "verify", "--json").data
    assert (found["holds"], len(found["key_ids"]), found["key_ids"][-1]) == (True, 2, kid)
    rows = list(csv.DictReader(io.StringIO(terminal.done("audit", "export", "--csv").out)))
    actions = [row["action"] for row in rows]
    assert actions == ["signing_key.create", "signing_key.rotate", "head_key.rotate", "collection.create"]
    assert all(row["actor_id"].startswith("system:") for row in rows)
