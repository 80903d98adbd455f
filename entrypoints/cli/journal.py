"""The journal's upkeep: how far it is, and entries that a reaction could not handle."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.shared.journal import JournalState, SetAside

app = typer.Typer(help="The journal: how far it is, and what could not be carried out.", no_args_is_help=True)

FOLLOWERS = ["name", "position", "lag", "waiting", "poison"]
POISON = ["reaction", "position", "target_type", "target_id", "attempts", "error", "at"]
ReactionArgument = Annotated[str, typer.Argument(help="Name of the reaction, as `journal poison` shows it.")]
PositionArgument = Annotated[int, typer.Argument(help="Position of the entry.")]


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """Show how many entries wait for a position or a seal, who keeps the journal, and how far each reaction is."""

    async def work(service: Service) -> "JournalState":
        state: JournalState = await service.container.operations.journal().status(service.actor)
        return state

    state = run(work)
    reactions = [
        members(item, ["name", "position", "waiting", "poison"]) | {"lag": max(0, state.head - item.position)}
        for item in state.followers
    ]
    record = members(state, ["head", "unnumbered", "sealed", "keeper"])
    if as_json:
        print_json(record | {"reactions": reactions})
    else:
        print_record(record)
        print_rows(reactions, FOLLOWERS)


@app.command()
def poison(as_json: JsonFlag = False) -> None:
    """List entries that a reaction failed to handle five times. Later entries of the same target wait behind them."""

    async def work(service: Service) -> "list[SetAside]":
        return list(await service.container.operations.journal().poison(service.actor))

    rows = [{"reaction": item.follower, **members(item, POISON[1:])} for item in run(work)]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, POISON)


@app.command()
def retry(
    reaction: Annotated[str | None, typer.Argument(help="Name of the reaction; unset: of all.")] = None,
    position: Annotated[int | None, typer.Argument(help="Position of the entry; unset: all of the reaction.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Try everything again.")] = False,
) -> None:
    """Have the running service try poison again. Exit code 3 if there is none like that."""
    if (reaction is None) is not everything:
        raise typer.BadParameter("name a reaction, or say --all")

    async def work(service: Service) -> int:
        count: int = await service.container.operations.journal().retry(service.actor, reaction, position)
        return count

    typer.echo(f"{run(work)} to be tried again.", err=True)


@app.command()
def skip(reaction: ReactionArgument, position: PositionArgument) -> None:
    """Give a poison entry up for good; later entries of its target go on. Exit code 3 if there is none like that."""

    async def work(service: Service) -> None:
        await service.container.operations.journal().skip(service.actor, reaction, position)

    run(work)
    typer.echo("The entry was given up.", err=True)
