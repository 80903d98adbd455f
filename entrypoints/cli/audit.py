"""The audit trail from a terminal: proving that it is what was sealed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.cli.errors import INVALID, say
from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows
from entrypoints.cli.progress import progress
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from domain.audit.findings import Finding, Verdict

app = typer.Typer(help="The audit trail: proving that it is what was sealed.", no_args_is_help=True)

FIGURES = ["first", "last", "entries", "batches", "checkpoints", "unsealed", "erased"]
FOUND = ["kind", "sequence", "last_sequence", "entry_id", "detail"]


@app.command()
def verify(
    first: Annotated[int, typer.Option("--from", min=1, help="First sequence to look at.")] = 1,
    last: Annotated[int | None, typer.Option("--to", min=1, help="Last sequence to look at; unset: the end.")] = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Heads that were copied out, beside those of this machine."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Hold every entry against its seal, every seal against the one before, and all against the heads copied out.

    Exit code 7 if anything differs.
    """
    from adapters.checkpoints.files import read_checkpoints

    copies = [head for file in checkpoints or [] for head in read_checkpoints(file)]

    async def work(service: Service) -> "Verdict":
        audit = service.container.audit
        own = await audit.copies().all()
        with progress("entries", None) as advance:
            found: Verdict = await audit.verification().run([*own, *copies], first, last, advance)
            return found

    _tell(run(work), as_json)


def _tell(verdict: "Verdict", as_json: bool) -> None:
    """Print what was found and end with the exit code that it deserves."""
    record: dict[str, Any] = {"holds": verdict.holds, **members(verdict, FIGURES)}
    record |= {"head": verdict.head.hex() if verdict.head else None, "key_ids": verdict.key_ids, "flaws": verdict.flaws}
    findings = [_row(finding) for finding in verdict.findings]
    if as_json:
        print_json(record | {"findings": findings})
    else:
        print_record(record)
        if findings:
            print_rows(findings, FOUND)
    if not verdict.holds:
        say("The trail is not what was sealed. Keep the database as it is, and look at the places named above.")
        sys.exit(INVALID)


def _row(finding: "Finding") -> dict[str, Any]:
    return members(finding, FOUND[1:]) | {"kind": finding.kind.value}
