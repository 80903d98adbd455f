"""`fastops audit export`: the trail as JSON lines that prove themselves, or as CSV for reading."""

import csv
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from entrypoints.cli.output import require_free
from entrypoints.cli.progress import Advance, progress
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.audit.export import Selection
    from domain.audit.evidence import StoredEntry

COLUMNS = (
    *("sequence", "id", "at", "actor_type", "actor_id", "actor_name", "client_address", "action"),
    *("target_type", "target_id", "outcome", "request_id", "before", "after"),
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets take for the start of a formula (OWASP, CSV injection)."""


def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, a new one; unset: stdout.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV for reading; it cannot be verified.")] = False,
    actor: Annotated[str | None, typer.Option(help="Only entries of this actor, by id.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, such as user.create.")] = None,
    target_type: Annotated[str | None, typer.Option(help="Only targets of this kind, such as user.")] = None,
    target_id: Annotated[str | None, typer.Option(help="Only this target.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Only entries of this time (RFC 3339) or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only entries before this time.")] = None,
) -> None:
    """Write the audit trail as JSON lines with all that `audit verify --export` needs, or as CSV.

    A file is readable by its owner only, because it holds what is left of personal values. Exit code 4 if it is there.
    """
    from application.audit.export import Selection

    selection = Selection(
        actor=actor,
        action=action,
        target_type=target_type,
        target_id=target_id,
        since=_time("--from", since),
        until=_time("--to", until),
    )
    with _written(output) as stream, progress("entries", None) as advance:
        run(lambda service: (_as_csv if as_csv else _as_lines)(service, selection, stream, advance))


async def _as_lines(service: Service, selection: "Selection", stream: TextIO, advance: Advance) -> None:
    import orjson

    done, end = 0, await service.container.persistence.sealed_trail().end()
    now = service.container.persistence.clock().now()
    records: AsyncIterator[Mapping[str, Any]] = service.container.audit.export().records(service.actor, selection, now)
    async for record in records:
        stream.write(orjson.dumps(record).decode() + "\n")
        done += record["type"] == "entry"
        advance(done, end)


async def _as_csv(service: Service, selection: "Selection", stream: TextIO, advance: Advance) -> None:
    done, end = 0, await service.container.persistence.sealed_trail().end()
    writer = csv.writer(stream, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    entries: AsyncIterator[tuple[StoredEntry, bool]] = service.container.audit.export().entries(
        service.actor, selection
    )
    async for entry, is_sealed in entries:
        writer.writerow([harmless(value) for value in _row(entry, is_sealed)])
        done += 1
        advance(done, end)


def harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what looks like one."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _row(entry: "StoredEntry", is_sealed: bool) -> list[Any]:
    from adapters.persistence.entries import canonical, merged

    told = merged(entry.body, entry.personal, entry.actor)
    told |= {"action": told["operation"], "sequence": entry.position if is_sealed else None}
    told |= {name: canonical(told[name]) for name in ("before", "after") if told[name] is not None}
    return [told[name] for name in COLUMNS]


def _time(option: str, text: str | None) -> Any:
    from domain.shared.values import instant

    if text is None:
        return None
    try:
        return instant(text)
    except ValueError:
        raise typer.BadParameter("use a time like 2026-01-31T12:00:00Z", param_hint=option) from None


@contextmanager
def _written(output: Path | None) -> Iterator[TextIO]:
    """The stream to write to; a file is put in place when it is whole, and of its owner's only."""
    if output is None:
        yield sys.stdout
        return
    require_free(output, "--output")
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            yield stream
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
