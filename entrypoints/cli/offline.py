"""Verifying files of the audit trail without settings and database."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from adapters.security.head_keys import PublishedKeys
from application.audit.offline import OfflineVerification
from domain.audit.checkpoints import Checkpoint
from domain.audit.findings import Verdict
from entrypoints.cli.progress import Advance


def verify_offline(
    export: Path | None, copies: Sequence[Checkpoint], trusted: frozenset[str] | None, advance: Advance
) -> Verdict:
    """The verdict on an export, or on copied heads alone; `trusted` are ids of keys, None: those in the files."""
    offline = OfflineVerification(lambda keys: PublishedKeys(keys, trusted).verify)
    if export is None:
        return offline.heads(copies)
    with export.open("rb") as lines:
        return offline.export(_records(lines), copies, advance)


def _records(lines: Iterable[bytes]) -> Iterator[Any]:
    for line in lines:
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError:
            yield None  # which is no record, and is told with its place
