"""What `fastops ingest` reads: files, folders, and the lines of a BEIR corpus, as documents to hand in."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from application.knowledge.hand_in import HandIn
from domain.shared.errors import FastOpsError, Malformed

BATCH_DOCUMENTS = 128
BATCH_BYTES = 16 * 1024 * 1024
BESIDE_BEIR = {"_id", "title", "text", "metadata"}


@dataclass(frozen=True, slots=True)
class Source:
    """One document to be: its name for people, and what to hand in or why that is not possible."""

    name: str
    hand_in: HandIn | None
    bytes: int = 0
    refusal: FastOpsError | None = None


def sources(paths: Sequence[Path]) -> Iterator[Source]:
    """All documents in these files and folders, in a stable order. Hidden files in folders are passed over."""
    for path in paths:
        for file in _files(path):
            if is_corpus(file):
                yield from _corpus(file)
            else:
                yield _file(file)


def count(paths: Sequence[Path]) -> int:
    """How many documents `sources` will give."""
    return sum(_line_count(file) if is_corpus(file) else 1 for path in paths for file in _files(path))


def batches(found: Iterator[Source]) -> Iterator[list[Source]]:
    """Documents in groups that are handed in together: at most 128, and about 16 MiB."""
    batch: list[Source] = []
    size = 0
    for source in found:
        batch.append(source)
        size += source.bytes
        if len(batch) >= BATCH_DOCUMENTS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def is_corpus(file: Path) -> bool:
    """Whether this is a BEIR corpus: a .jsonl file whose first line is an object with `_id` and `text`."""
    if file.suffix.lower() != ".jsonl":
        return False
    try:
        with file.open(encoding="utf-8-sig") as lines:
            first = json.loads(next(islice((line for line in lines if line.strip()), 1), ""))
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and "_id" in first and "text" in first


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            if not entry.name.startswith("."):
                yield from _files(entry)
    elif path.is_file():
        yield path


def _file(path: Path) -> Source:
    try:
        size = path.stat().st_size
        path.open("rb").close()
    except OSError as error:
        detail = f"The file cannot be read: {error.strerror}."
        return Source(str(path), None, refusal=Malformed("file_unreadable", detail))
    return Source(str(path), HandIn(content=path, file_name=path.name), size)


def _corpus(file: Path) -> Iterator[Source]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _line(line.removeprefix(b"\xef\xbb\xbf"), f"{file}:{number}")


def _line(line: bytes, name: str) -> Source:
    try:
        record: dict[str, Any] = json.loads(line)
        text, title, metadata = str(record["text"]), record.get("title"), _metadata(record)
        hand_in = HandIn.of_text(
            text, title=str(title) if title else None, metadata=metadata, external_id=str(record["_id"])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Source(name, None, refusal=Malformed("line_malformed", "The line is no object with _id and text."))
    except FastOpsError as error:
        return Source(name, None, refusal=error)
    return Source(name, hand_in, len(line))


def _metadata(record: dict[str, Any]) -> dict[str, Any]:
    """What a line says beside its text: the members of `metadata`, and any that BEIR does not name."""
    given = record.get("metadata")
    named = given if isinstance(given, dict) else {}
    return {name: value for name, value in record.items() if name not in BESIDE_BEIR} | named


def _line_count(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for line in lines if line.strip())
