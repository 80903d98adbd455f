"""The schema of the database."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.cli.output import JsonFlag, print_json, print_record

if TYPE_CHECKING:
    from entrypoints.settings.settings import Settings

app = typer.Typer(help="The schema of the database.", no_args_is_help=True)

RevisionArgument = Annotated[str, typer.Argument(help="Revision to go to.")]


@app.command()
def upgrade(revision: RevisionArgument = "head") -> None:
    """Bring the schema up to this release; a missing SQLite file, its folder and the master key are made."""
    from adapters.persistence.sqlalchemy import migrations
    from entrypoints.wiring.installation import install, only_creator

    settings = _settings()
    with only_creator(settings):
        install(settings)
        migrations.upgrade(settings.database_url, revision)
    typer.echo("The schema is up to date.", err=True)


@app.command()
def downgrade(
    revision: RevisionArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: rows that the older schema cannot hold are lost.")
    ] = False,
) -> None:
    """Take the schema back to an older revision. Back up first: what the older schema cannot hold is lost."""
    from adapters.persistence.sqlalchemy import migrations
    from entrypoints.wiring.installation import require_database

    settings = _settings()
    require_database(settings)
    if not yes:
        typer.confirm("Rows that the older schema cannot hold are lost. Go on?", abort=True, err=True)
    migrations.downgrade(settings.database_url, revision)
    typer.echo("The schema was taken back.", err=True)


@app.command()
def check(as_json: JsonFlag = False) -> None:
    """Say whether the schema fits this release. Exit code 6 if it does not, or there is none."""
    from adapters.persistence.sqlalchemy import migrations
    from entrypoints.wiring.installation import require_database, require_schema

    settings = _settings()
    require_database(settings)
    status = migrations.status(settings.database_url)
    if as_json:
        print_json(status)
    else:
        print_record({"current": status.current, "head": status.head})
    require_schema(status)


def _settings() -> "Settings":
    from adapters.telemetry.logging import configure_logging
    from entrypoints.cli.service import quiet_level
    from entrypoints.settings.settings import load_settings

    settings = load_settings()
    configure_logging(quiet_level(settings.service.log_level), settings.service.log_format)
    return settings
