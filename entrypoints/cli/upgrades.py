"""`fastops upgrade`: what an upgrade to this release would do."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.cli.errors import CONFLICT, say
from entrypoints.cli.output import JsonFlag, print_json, print_record, print_rows
from entrypoints.cli.service import quiet_settings

if TYPE_CHECKING:
    from adapters.persistence.sqlalchemy.schema.plan import Plan

app = typer.Typer(help="Upgrades from one release to the next.", no_args_is_help=True)


@app.callback()
def upgrades() -> None:
    """Keeps `check` a command of its own."""


@app.command()
def check(
    contract: Annotated[bool, typer.Option("--contract", help="Foretell `db upgrade --contract`.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Say what `fastops db upgrade` will do: each step, its kind, the rows that it touches, and which releases go on.

    Changes nothing. Exit code 0: it can be run now, or there is nothing to do. 4: it would shut out services of an
    older release, or the database is not FastOps'. 6: the schema is newer than this release, or there is no database.
    """
    from adapters.persistence.sqlalchemy import migrations
    from adapters.persistence.sqlalchemy.schema.status import SchemaState
    from entrypoints.wiring.installation import require_database, require_schema

    settings = quiet_settings()
    require_database(settings)
    status = migrations.status(settings.database_url)
    if status.state in {SchemaState.FOREIGN, SchemaState.AHEAD}:
        require_schema(status)
    plan = migrations.plan(settings.database_url, contract=contract)
    if as_json:
        print_json(plan)
    else:
        _print(plan)
    if not plan.previous_goes_on or (plan.needs_contract and not contract):
        say(_warning(plan))
        sys.exit(CONFLICT)


def _print(plan: "Plan") -> None:
    names = ("state", "release", "current", "target", "oldest_reader", "previous", "previous_goes_on", "contract_left")
    print_record({name: getattr(plan, name) for name in names})
    columns = ["revision", "kind", "oldest_reader", "rows", "changes", "title"]
    if plan.steps:
        print_rows([{name: _shown(getattr(step, name)) for name in columns} for step in plan.steps], columns)


def _shown(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{table} {rows}" for table, rows in value.items())
    return list(value) if isinstance(value, tuple) else value


def _warning(plan: "Plan") -> str:
    return (
        f"After this only services from release {plan.oldest_reader} on run. Stop those before it first, or upgrade "
        "them, then use `fastops db upgrade --contract`."
    )
