"""The schema of the database."""

from typing import Annotated

import typer

from entrypoints.cli.output import JsonFlag, print_json, print_record, print_rows
from entrypoints.cli.service import quiet_settings

app = typer.Typer(help="The schema of the database.", no_args_is_help=True)

WaitOption = Annotated[
    float,
    typer.Option(
        "--wait", min=0, max=86_400, help="Seconds to wait for another migration, and for each lock of others."
    ),
]
WAIT_SECONDS = 60.0


@app.command()
def upgrade(
    revision: Annotated[
        str | None, typer.Argument(help="Revision to go to; by default to what this release needs.")
    ] = None,
    contract: Annotated[
        bool,
        typer.Option("--contract", help="Also take contract steps: no service of an older release runs any more."),
    ] = False,
    wait: WaitOption = WAIT_SECONDS,
) -> None:
    """Bring the schema up to this release; a missing SQLite file, its folder and the master key are made.

    Services go on meanwhile. What is cut off is taken up again by the next run. Exit code 4 where a contract step is in
    the way, 6 where others hold it up for too long. `fastops upgrade check` says before what will happen.
    """
    from adapters.persistence.sqlalchemy import migrations
    from entrypoints.cli.progress import progress
    from entrypoints.wiring.installation import make_place, only_creator

    settings = quiet_settings()
    with only_creator(settings, wait):
        make_place(settings)
    with progress("steps", None) as told:
        moved = migrations.upgrade(settings.database_url, revision, contract=contract, wait=wait, told=told)
    if moved.steps:
        typer.echo(f"The schema went from {moved.before or 'nothing'} to {moved.after}.", err=True)
    else:
        typer.echo("The schema is up to date.", err=True)


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="Revision to go to; `base` leaves nothing.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: rows that the older schema cannot hold are lost.")
    ] = False,
    wait: WaitOption = WAIT_SECONDS,
) -> None:
    """Take the schema back to an older revision. Back up first: what the older schema cannot hold is lost."""
    from adapters.persistence.sqlalchemy import migrations
    from entrypoints.cli.progress import progress
    from entrypoints.wiring.installation import require_database

    settings = quiet_settings()
    require_database(settings)
    if not yes:
        typer.confirm("Rows that the older schema cannot hold are lost. Go on?", abort=True, err=True)
    with progress("steps", None) as told:
        moved = migrations.downgrade(settings.database_url, revision, wait=wait, told=told)
    typer.echo(f"The schema was taken back from {moved.before or 'nothing'} to {moved.after or 'nothing'}.", err=True)


@app.command()
def check(as_json: JsonFlag = False) -> None:
    """Say whether the schema fits this release. Exit code 6 if it does not, or there is none."""
    from adapters.persistence.sqlalchemy import migrations
    from entrypoints.wiring.installation import require_database, require_schema

    settings = quiet_settings()
    require_database(settings)
    status = migrations.status(settings.database_url)
    if as_json:
        print_json(status)
    else:
        shown = ("state", "current", "needed", "head", "oldest_reader", "moved_by")
        print_record({name: getattr(status, name) for name in shown})
    require_schema(status)


@app.command()
def history(as_json: JsonFlag = False) -> None:
    """List the revisions of the schema, oldest first, and which of them this database has."""
    from adapters.persistence.sqlalchemy import migrations
    from entrypoints.wiring.installation import require_database

    settings = quiet_settings()
    require_database(settings)
    revisions = migrations.history(settings.database_url)
    if as_json:
        print_json(revisions)
    else:
        columns = ["revision", "kind", "oldest_reader", "is_done", "title"]
        print_rows([{name: getattr(one, name) for name in columns} for one in revisions], columns)
