"""Users from the terminal. Passwords come from a prompt or from stdin, never from an argument."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.identity.views import UserView

app = typer.Typer(help="People and services that can sign in.", no_args_is_help=True)

SHOWN = ["id", "name", "email", "kind", "status", "roles", "created_at"]
EmailOption = Annotated[str, typer.Option(help="E-mail address; with the password it signs in.")]
StdinFlag = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]


@app.command()
def create(
    email: EmailOption,
    name: Annotated[str, typer.Option(help="Name as it is shown.")],
    role: Annotated[list[str] | None, typer.Option(help="admin, editor or viewer; may be given again.")] = None,
    password_stdin: StdinFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Create a user. On a terminal the password is asked for; without one the user cannot sign in yet."""
    password = read_password(password_stdin, required=False)

    async def work(service: Service) -> "UserView":
        users = service.container.identity.users()
        roles = frozenset(role or ())
        made: UserView = await users.create(service.actor, name=name, email=email, password=password, roles=roles)
        return made

    _show(run(work), as_json)


@app.command("list")
def list_users(
    q: Annotated[str | None, typer.Option("--query", help="Part of a name or e-mail address.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the users, newest first."""

    async def work(service: Service) -> "list[UserView]":
        from entrypoints.cli.paging import everything

        users = service.container.identity.users()
        return await everything(lambda query: users.page(service.actor, query), {"q": q} if q else {})

    found = run(work)
    if as_json:
        print_json(found)
    else:
        print_rows([members(user, SHOWN) for user in found], SHOWN)


@app.command("reset-password")
def reset_password(
    email: Annotated[str, typer.Argument(help="Whose password.")], password_stdin: StdinFlag = False
) -> None:
    """Set a new password for a user; all sessions of that user end."""
    password = read_password(password_stdin, required=True)

    async def work(service: Service) -> None:
        users = service.container.identity.users()
        user = await users.by_email(service.actor, email)
        await users.reset_password(service.actor, user.id, password)

    run(work)
    typer.echo("The password is set; all sessions of this user have ended.", err=True)


def read_password(from_stdin: bool, *, required: bool) -> Any:
    """The password from stdin's first line, or typed twice at a prompt; None where neither is to be had."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if sys.stdin.isatty():
        typed = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True, default="")
        return typed or None
    if required:
        raise typer.BadParameter("there is no terminal to ask on: pass it on stdin with --password-stdin")
    return None


def _show(user: "UserView", as_json: bool) -> None:
    if as_json:
        print_json(user)
    else:
        print_record(members(user, SHOWN))
