"""`fastops`: the service and its administration from a terminal. What is heavy is imported inside the commands."""

import os
import sys

import typer

from domain.shared.errors import FastOpsError
from entrypoints.cli import (
    answering,
    api_keys,
    audit,
    collections,
    database,
    doctor,
    errors,
    evaluation,
    groups,
    ingest,
    journal,
    keys,
    models,
    roles,
    serve,
    sessions,
    upgrades,
    user_import,
    users,
    version,
)
from entrypoints.settings.refusals import WrongSettings
from entrypoints.wiring.process import limit_threads

app = typer.Typer(
    name="fastops",
    help="A knowledge base behind an API: permissions, cited answers, audit. Data goes to stdout, the rest to stderr.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve.serve)
app.command()(ingest.ingest)
app.command()(answering.search)
app.command()(answering.ask)
app.command()(evaluation.evaluate)
app.command()(doctor.doctor)
app.command()(version.version)
app.add_typer(database.app, name="db")
app.add_typer(upgrades.app, name="upgrade")
users.app.command("import")(user_import.import_users)
users.app.command()(user_import.invite)
app.add_typer(users.app, name="user")
app.add_typer(sessions.app, name="session")
app.add_typer(api_keys.app, name="api-key")
app.add_typer(roles.app, name="role")
app.add_typer(groups.app, name="group")
app.add_typer(collections.app, name="collection")
app.add_typer(models.app, name="model")
app.add_typer(keys.app, name="keys")
app.add_typer(journal.app, name="journal")
app.add_typer(audit.app, name="audit")


def main() -> None:
    """Run the command named by the arguments and end the process with its exit code."""
    limit_threads()
    try:
        app()
    except FastOpsError as error:
        sys.exit(errors.refuse(error))
    except WrongSettings as error:
        sys.exit(errors.refuse_settings(error))
    except Exception as error:  # the one place where an unforeseen error becomes a sentence
        sys.exit(errors.explain(error))
    finally:
        _flush()


def _flush() -> None:
    """Write out what is left, or forget it when its reader has gone away."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
