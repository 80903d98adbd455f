"""Ingesting from the terminal: what is read, what is told, and what an interruption leaves behind."""

import json
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, Terminal

CORPUS = [
    {"_id": "a", "title": "Zebras", "text": "Zebras have stripes that confuse horseflies.", "metadata": {"year": 1}},
    {"_id": "b", "title": "Otters", "text": "Otters hold hands while they sleep on the water."},
    {"_id": "c", "title": "Bees", "text": "Bees tell each other the way by dancing in the dark of the hive."},
]


def write_corpus(folder: Path, lines: list[dict[str, object]]) -> Path:
    file = folder / "corpus.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def rows(terminal: Terminal, statement: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
        return database.execute(statement).fetchall()


def test_a_corpus_is_ingested_found_and_known_the_next_time(terminal: Terminal) -> None:
    write_corpus(terminal.folder, CORPUS)
    first = terminal.done("ingest", "corpus.jsonl", "--collection", "animals", "--json")
    assert first.data | {"seconds": 0, "chunks": 0} == {
        "collection": "animals",
        "documents": 3,
        "unchanged": 0,
        "chunks": 0,
        "failed": 0,
        "reasons": {},
        "seconds": 0,
        "failures": [],
    }
    assert "animals" in first.err
    found = terminal.done("search", "dancing bees", "--mode", "keyword", "--collection", "animals", "--json").data
    assert found["items"][0]["external_id"] == "c"
    again = terminal.done("ingest", "corpus.jsonl", "--collection", "animals", "--json").data
    assert (again["documents"], again["unchanged"], again["chunks"]) == (3, 3, 0)
    assert rows(terminal, "SELECT count(*) FROM documents") == [(3,)]


def test_a_changed_line_replaces_its_document(terminal: Terminal) -> None:
    write_corpus(terminal.folder, CORPUS)
    terminal.done("ingest", "corpus.jsonl", "--collection", "animals")
    write_corpus(terminal.folder, [{**CORPUS[0], "text": "Zebras whistle when they are alarmed."}, *CORPUS[1:]])
    changed = terminal.done("ingest", "corpus.jsonl", "--collection", "animals", "--json").data
    assert (changed["documents"], changed["unchanged"]) == (3, 2)
    assert rows(terminal, "SELECT count(*) FROM documents") == [(3,)]
    search = ("search", "zebras whistle", "--mode", "keyword", "--json")
    assert "whistle" in terminal.done(*search).data["items"][0]["text"]


def test_folders_are_read_whole_and_failures_counted_by_reason(terminal: Terminal) -> None:
    folder = terminal.folder / "papers"
    (folder / "more").mkdir(parents=True)
    (folder / ".hidden").write_text("nothing to see")
    (folder / "zebra.md").write_text("# Zebras\n\nStripes confuse horseflies.\n")
    (folder / "more" / "otter.txt").write_text("Otters hold hands.")
    (folder / "more" / "empty.txt").write_text("")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nthis is not the end")
    ended = terminal.run("ingest", "papers", "--collection", "papers", "--json")
    assert ended.code == 1
    assert ended.data["documents"] == 4
    assert ended.data["failed"] == 2
    assert sum(ended.data["reasons"].values()) == 2
    assert "empty_document" in ended.data["reasons"]
    assert {Path(failure["name"]).name for failure in ended.data["failures"]} == {"empty.txt", "broken.pdf"}


def test_a_malformed_line_does_not_stop_the_others(terminal: Terminal) -> None:
    file = write_corpus(terminal.folder, CORPUS)
    file.write_text(file.read_text() + 'no json\n{"_id": "d"}\n{"_id": "e", "text": "with \\u0000 in it"}\n')
    ended = terminal.run("ingest", "corpus.jsonl", "--collection", "animals", "--json")
    assert ended.code == 1
    assert (ended.data["documents"], ended.data["failed"]) == (3, 3)
    assert ended.data["failures"][0]["name"].endswith("corpus.jsonl:4")


def test_what_is_not_there_is_wrong_use(terminal: Terminal) -> None:
    assert terminal.run("ingest", "nowhere", "--collection", "x").code == 2
    assert terminal.done("collection", "list", "--json").data == []


def test_progress_is_for_terminals_only(terminal: Terminal) -> None:
    write_corpus(terminal.folder, CORPUS)
    ended = terminal.done("ingest", "corpus.jsonl", "--collection", "animals")
    assert ended.err == "The collection animals was made.\n"
    assert "\x1b" not in ended.out


def take_interrupts() -> None:
    """A shell that starts tests in the background has them ignore SIGINT, and so would what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_is_finished_by_the_next(terminal: Terminal, how: signal.Signals) -> None:
    lines: list[dict[str, object]] = [
        {"_id": str(number), "title": f"Note {number}", "text": f"This is note {number}. " * 20}
        for number in range(600)
    ]
    write_corpus(terminal.folder, lines)
    process = subprocess.Popen(
        [*COMMAND, "ingest", "corpus.jsonl", "--collection", "notes"],
        cwd=terminal.folder,
        env=terminal.env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=take_interrupts,
    )
    while process.poll() is None and not rows(terminal, "SELECT 1 FROM documents LIMIT 1"):
        time.sleep(0.02)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    assert "Traceback" not in told
    assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL)
    terminal.done("ingest", "corpus.jsonl", "--collection", "notes")
    assert rows(terminal, "SELECT status, count(*) FROM documents GROUP BY 1") == [("ready", 600)]
    assert rows(terminal, "SELECT document_id FROM chunks GROUP BY document_id, ordinal HAVING count(*) > 1") == []


def test_evaluation_measures_what_was_judged(terminal: Terminal) -> None:
    write_corpus(terminal.folder, CORPUS)
    terminal.done("ingest", "corpus.jsonl", "--collection", "animals")
    queries = [
        {"_id": "q1", "text": "stripes horseflies"},
        {"_id": "q2", "text": "sleep on water"},
        {"_id": "q3", "text": "x"},
    ]
    (terminal.folder / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in queries))
    (terminal.folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\ta\t1\nq2\tb\t2\n")
    arguments = ("--collection", "animals", "--queries", "queries.jsonl", "--qrels", "qrels.tsv", "--mode", "keyword")
    figures = terminal.done("evaluate", *arguments, "--json").data
    assert figures["queries"] == 2
    assert figures["ndcg@10"] == figures["recall@100"] == figures["mrr@10"] == 1.0
    (terminal.folder / "qrels.tsv").write_text("q1 a 1\n")
    assert terminal.run("evaluate", *arguments).code == 7
