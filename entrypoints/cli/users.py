"""Users from the terminal. Passwords come from a prompt or from stdin, never from an argument."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from domain.shared.actor import Actor
from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows, require_free
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.identity.views import UserView

T = TypeVar("T")
app = typer.Typer(help="People and services that can sign in.", no_args_is_help=True)

SHOWN = ["id", "name", "email", "kind", "status", "roles", "created_at"]
EmailOption = Annotated[str, typer.Option(help="E-mail address; with the password it signs in.")]
EmailArgument = Annotated[str, typer.Argument(help="E-mail address of the user.")]
RoleArgument = Annotated[str, typer.Argument(help="Name of the role.")]
YesFlag = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
StdinFlag = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")]


@app.command()
def create(
    email: EmailOption,
    name: Annotated[str, typer.Option(help="Name as it is shown.")],
    role: Annotated[list[str] | None, typer.Option(help="Name of a role; may be given again.")] = None,
    password_stdin: StdinFlag = False,
    service_account: Annotated[bool, typer.Option("--service", help="A service account, with keys only.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Create a user. On a terminal the password is asked for; without one the user cannot sign in yet."""
    from domain.identity.users import UserKind

    password = None if service_account else read_password(password_stdin, required=False)
    kind = UserKind.SERVICE if service_account else UserKind.PERSON

    async def work(service: Service) -> "UserView":
        users = service.container.identity.users()
        roles = frozenset(role or ())
        made: UserView = await users.create(
            service.actor, name=name, email=email, password=password, roles=roles, kind=kind
        )
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


@app.command("reset-factors")
def reset_factors(
    email: EmailArgument, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Forget the second factors of a user who has lost them; all sessions of that user end."""
    if not yes:
        typer.confirm(f"Let {email} sign in with the password alone?", abort=True, err=True)

    async def work(service: Service) -> None:
        identity = service.container.identity
        user = await identity.users().by_email(service.actor, email)
        await identity.factor_reset().reset(service.actor, user.id)

    run(work)
    typer.echo("The second factors are gone; all sessions of this user have ended.", err=True)


@app.command("give-role")
def give_role(email: EmailArgument, role: RoleArgument, as_json: JsonFlag = False) -> None:
    """Give a user a role. Exit code 3 if there is no such user or role."""
    _show(_on(email, lambda users, actor, user: users.give_role(actor, user.id, role)), as_json)


@app.command("take-role")
def take_role(email: EmailArgument, role: RoleArgument, as_json: JsonFlag = False) -> None:
    """Take a role from a user. Exit code 4 where no administrator would remain."""
    _show(_on(email, lambda users, actor, user: users.take_role(actor, user.id, role)), as_json)


@app.command()
def disable(email: EmailArgument, as_json: JsonFlag = False) -> None:
    """Shut a user out within a second. Exit code 3 if there is none with that e-mail address."""
    _show(_on(email, lambda users, actor, user: users.disable(actor, user.id)), as_json)


@app.command()
def enable(email: EmailArgument, as_json: JsonFlag = False) -> None:
    """Let a user in again."""
    _show(_on(email, lambda users, actor, user: users.enable(actor, user.id)), as_json)


@app.command()
def delete(email: EmailArgument, yes: YesFlag = False) -> None:
    """Remove a user with sessions and keys, and erase the personal data."""
    if not yes:
        typer.confirm(f"Remove {email} for good?", abort=True, err=True)
    _on(email, lambda users, actor, user: users.delete(actor, user.id, expected=None))
    typer.echo("The user is gone.", err=True)


@app.command()
def export(
    email: EmailArgument, to: Annotated[Path, typer.Option("--to", help="The zip to write; it must not be there yet.")]
) -> None:
    """Write all that is held on a user into a zip of JSON files. Exit code 3 if there is no such user, 4 if the file is
    there."""

    async def work(service: Service) -> bytes:
        from application.operations.exports import EXPORT
        from entrypoints.worker.small_jobs import SmallJobWorker

        exports, persistence = service.container.exports.service(), service.container.persistence
        user: UserView = await service.container.identity.users().by_email(service.actor, email)
        asked = await exports.request(service.actor, user.id)
        worker = SmallJobWorker(persistence.job_queue(), persistence.clock(), {EXPORT: exports.build}, "small:command")
        while (await exports.get(service.actor, asked.id)).status == "pending":
            await worker.step()  # unless a running service was faster
            await asyncio.sleep(0.05)
        _, parts = await exports.content(service.actor, asked.id)
        return b"".join([part async for part in parts])

    require_free(to, "--to")
    content = run(work)
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    typer.echo(f"{len(content)} bytes were written.", err=True)


def _on(email: str, verb: Callable[[Any, Actor, "UserView"], Awaitable[T]]) -> T:
    """Carry out a verb on the user of this address."""

    async def work(service: Service) -> T:
        users = service.container.identity.users()
        return await verb(users, service.actor, await users.by_email(service.actor, email))

    return run(work)


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
