"""The files that the command line reads: whatever is wrong with one is told, and the others go on."""

import resource
from pathlib import Path

import pytest

from domain.shared.errors import Malformed
from entrypoints.cli.corpus import sources
from entrypoints.cli.evaluation import read_qrels, read_queries

GOOD_LINE = '{"_id": "a", "text": "one"}'


def refusals(path: Path) -> list[str | None]:
    """The code of each document that is found, None where it can be handed in."""
    return [source.refusal.code if source.refusal else None for source in sources([path])]


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"_id": "b"}', '{"text": "two"}', '"text"', "7"])
def test_a_line_that_is_no_record_is_named_and_the_others_are_taken(tmp_path: Path, line: str) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text(f"{GOOD_LINE}\n{line}\n\n{GOOD_LINE}\n")
    assert refusals(file) == [None, "line_malformed", None]
    assert [source.name for source in sources([file])] == [f"{file}:{number}" for number in (1, 2, 4)]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        found = refusals(tmp_path / "a.txt")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == ["file_unreadable"]
    assert refusals(tmp_path / "a.txt") == [None]


@pytest.mark.parametrize("line", ["no json", "[]", '{"_id": "q"}', '{"text": "one"}'])
def test_a_line_that_is_no_query_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text(f"{GOOD_LINE}\n")
    assert read_queries(file) == {"a": "one"}
    file.write_text(f"{GOOD_LINE}\n{line}\n")
    with pytest.raises(Malformed, match="queries_malformed"):
        read_queries(file)


@pytest.mark.parametrize("line", ["q a", "q\ta", "q\ta\tmuch", "q\t0\ta\tb\t1"])
def test_a_line_that_is_no_judgement_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "qrels.tsv"
    file.write_text("query-id\tcorpus-id\tscore\nq\ta\t1\nq\t0\tb\t2\n")
    assert read_qrels(file) == {"q": {"a": 1, "b": 2}}
    with file.open("a") as more:
        more.write(f"{line}\n")
    with pytest.raises(Malformed, match="qrels_malformed"):
        read_qrels(file)
