"""Groups from the terminal. Groups and users are named as people know them: by name, and by e-mail address."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.identity.views import GroupView, UserView

app = typer.Typer(help="Groups of users, for the grants of collections.", no_args_is_help=True)

SHOWN = ["id", "name", "description", "member_count", "created_at"]
MEMBER = ["id", "name", "email", "status"]
NameArgument = Annotated[str, typer.Argument(help="Name of the group.")]
EmailArgument = Annotated[str, typer.Argument(help="E-mail address of the user.")]


@app.command("list")
def list_groups(as_json: JsonFlag = False) -> None:
    """List the groups, newest first."""

    async def work(service: Service) -> "list[GroupView]":
        from entrypoints.cli.paging import everything

        groups = service.container.identity.groups()
        return await everything(lambda query: groups.page(service.actor, query), {})

    found = run(work)
    if as_json:
        print_json(found)
    else:
        print_rows([members(group, SHOWN) for group in found], SHOWN)


@app.command()
def create(
    name: NameArgument,
    description: Annotated[str, typer.Option(help="Who is in it.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a group without members. Exit code 4 if there is one of this name."""

    async def work(service: Service) -> Any:
        return await service.container.identity.groups().create(service.actor, name=name, description=description)

    _show(run(work), as_json)


@app.command()
def delete(name: NameArgument) -> None:
    """Remove a group; what was granted to it is granted to nobody from then on."""

    async def work(service: Service) -> None:
        groups = service.container.identity.groups()
        found = await groups.by_name(service.actor, name)
        await groups.delete(service.actor, found.id, expected=None)

    run(work)
    typer.echo("The group is gone.", err=True)


@app.command()
def add(name: NameArgument, email: EmailArgument, as_json: JsonFlag = False) -> None:
    """Take a user into a group. Exit code 3 if there is no such group or user."""
    _show(_with_member(name, email, "add_member"), as_json)


@app.command()
def remove(name: NameArgument, email: EmailArgument, as_json: JsonFlag = False) -> None:
    """Let a user go from a group. Exit code 3 if there is no such group or user."""
    _show(_with_member(name, email, "remove_member"), as_json)


@app.command("members")
def list_members(name: NameArgument, as_json: JsonFlag = False) -> None:
    """List the users in a group, newest first."""

    async def work(service: Service) -> "list[UserView]":
        from entrypoints.cli.paging import everything

        groups = service.container.identity.groups()
        found = await groups.by_name(service.actor, name)
        return await everything(lambda query: groups.members(service.actor, found.id, query), {})

    found = run(work)
    if as_json:
        print_json(found)
    else:
        print_rows([members(user, MEMBER) for user in found], MEMBER)


def _with_member(name: str, email: str, verb: str) -> Any:
    async def work(service: Service) -> Any:
        identity = service.container.identity
        group = await identity.groups().by_name(service.actor, name)
        user = await identity.users().by_email(service.actor, email)
        return await getattr(identity.groups(), verb)(service.actor, group.id, user.id)

    return run(work)


def _show(group: "GroupView", as_json: bool) -> None:
    if as_json:
        print_json(group)
    else:
        print_record(members(group, SHOWN))
