"""Sessions from the terminal: who is signed in where, and an end to it."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from entrypoints.cli.output import JsonFlag, members, print_json, print_rows
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.identity.views import SessionView

app = typer.Typer(help="Where users are signed in.", no_args_is_help=True)

SHOWN = ["id", "client_address", "user_agent", "created_at", "expires_at", "methods"]
EmailArgument = Annotated[str, typer.Argument(help="E-mail address of the user.")]


@app.command("list")
def list_sessions(email: EmailArgument, as_json: JsonFlag = False) -> None:
    """List the open sessions of a user, newest first. Exit code 3 if there is no such user."""

    async def work(service: Service) -> "list[SessionView]":
        from entrypoints.cli.paging import everything

        identity = service.container.identity
        user = await identity.users().by_email(service.actor, email)
        return await everything(lambda query: identity.sessions().page(service.actor, user.id, query), {})

    found = run(work)
    if as_json:
        print_json(found)
    else:
        print_rows([members(session, SHOWN) for session in found], SHOWN)


@app.command()
def end(session_id: Annotated[UUID, typer.Argument(help="Id of the session.")]) -> None:
    """End one session within a second. Exit code 3 if it is not open."""

    async def work(service: Service) -> None:
        await service.container.identity.sessions().end(service.actor, session_id)

    run(work)
    typer.echo("The session has ended.", err=True)


@app.command("end-all")
def end_all(email: EmailArgument) -> None:
    """Sign a user out everywhere within a second. Exit code 3 if there is no such user."""

    async def work(service: Service) -> int:
        identity = service.container.identity
        user = await identity.users().by_email(service.actor, email)
        ended: int = await identity.sessions().end_all(service.actor, user.id)
        return ended

    typer.echo(f"{run(work)} sessions have ended.", err=True)
