"""Roles from the terminal."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.shared.actor import Permission
from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.identity.views import RoleView

app = typer.Typer(help="Roles: named sets of permissions.", no_args_is_help=True)

SHOWN = ["name", "description", "permissions", "built_in"]
NameArgument = Annotated[str, typer.Argument(help="Name of the role.")]
PermissionOption = Annotated[list[Permission], typer.Option("--permission", help="A permission; may be given again.")]
DescriptionOption = Annotated[str, typer.Option(help="What it is for.")]


@app.command("list")
def list_roles(as_json: JsonFlag = False) -> None:
    """List all roles, by name."""

    async def work(service: Service) -> "list[RoleView]":
        return list(await service.container.identity.roles().list(service.actor))

    found = run(work)
    if as_json:
        print_json(found)
    else:
        print_rows([members(role, SHOWN) for role in found], SHOWN)


@app.command()
def create(
    name: NameArgument, permission: PermissionOption, description: DescriptionOption = "", as_json: JsonFlag = False
) -> None:
    """Make a role of these permissions. Exit code 4 if there is one of this name."""

    async def work(service: Service) -> Any:
        roles = service.container.identity.roles()
        return await roles.create(service.actor, name=name, description=description, permissions=frozenset(permission))

    _show(run(work), as_json)


@app.command()
def change(
    name: NameArgument,
    permission: Annotated[
        list[Permission] | None, typer.Option("--permission", help="The permissions from now on, all of them.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change what a role allows, for everybody who has it. Exit code 3 if there is none of this name."""

    async def work(service: Service) -> Any:
        roles = service.container.identity.roles()
        seen = await roles.get(service.actor, name)
        return await roles.change(
            service.actor,
            name,
            description=seen.description if description is None else description,
            permissions=frozenset(map(Permission, seen.permissions)) if permission is None else frozenset(permission),
            expected=seen.version,
        )

    _show(run(work), as_json)


@app.command()
def delete(name: NameArgument) -> None:
    """Remove a role that nobody has. Exit code 4 while somebody has it."""

    async def work(service: Service) -> None:
        await service.container.identity.roles().delete(service.actor, name, expected=None)

    run(work)
    typer.echo("The role is gone.", err=True)


def _show(role: "RoleView", as_json: bool) -> None:
    if as_json:
        print_json(role)
    else:
        print_record(members(role, SHOWN))
