"""The audit trail from a terminal: proving that it is what was sealed, and writing it out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.cli import audit_export
from entrypoints.cli.errors import INVALID, say
from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows
from entrypoints.cli.progress import progress
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from domain.audit.findings import Finding, Verdict

app = typer.Typer(help="The audit trail: proving it, and writing it out.", no_args_is_help=True)

FIGURES = ["first", "last", "entries", "batches", "checkpoints", "unsealed", "erased"]
FOUND = ["kind", "sequence", "last_sequence", "entry_id", "detail"]


app.command()(audit_export.export)


@app.command("verify")
def verify_trail(
    first: Annotated[int, typer.Option("--from", min=1, help="First sequence to look at.")] = 1,
    last: Annotated[int | None, typer.Option("--to", min=1, help="Last sequence to look at; unset: the end.")] = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="Heads that were copied out, beside those of this machine."),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Verify this export instead, without settings and database."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Verify the files named here alone, without settings and database.")
    ] = False,
    key: Annotated[
        list[str] | None, typer.Option(help="Id of a key to trust, offline; unset: the keys that lie beside the heads.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Hold every entry against its seal, every seal against the one before, and all against the heads copied out.

    Exit code 7 if anything differs.
    """
    from adapters.checkpoints.files import read_checkpoints

    copies = [head for file in checkpoints or [] for head in read_checkpoints(file)]
    if export is not None or offline:
        if export is None and not copies:
            raise typer.BadParameter("name --export or --checkpoints")
        from entrypoints.cli.offline import verify_offline

        with progress("entries", None) as advance:
            verdict = verify_offline(export, copies, frozenset(key) if key else None, advance)
        if not key:
            say("The keys lie beside the heads. Compare key_ids with those that you noted, or name them with --key.")
        _tell(verdict, as_json)
        return

    async def work(service: Service) -> "Verdict":
        from adapters.system.threads import cores
        from entrypoints.worker.verification import verify

        own = await service.container.audit.copies().all()
        with progress("entries", None) as advance:
            return await verify(service.container, [*own, *copies], first, last, advance, processes=cores())

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
