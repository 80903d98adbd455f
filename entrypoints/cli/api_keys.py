"""API keys of service accounts from the terminal. A secret is printed once, alone on stdout."""

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from domain.shared.actor import Permission
from entrypoints.cli.output import JsonFlag, members, print_json, print_rows
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.identity.views import ApiKeyView, IssuedApiKey

app = typer.Typer(help="API keys: secrets for programs.", no_args_is_help=True)

SHOWN = ["id", "owner_id", "name", "scopes", "expires_at", "last_used_at"]
KeyArgument = Annotated[UUID, typer.Argument(help="Id of the key.")]


@app.command("list")
def list_api_keys(as_json: JsonFlag = False) -> None:
    """List all keys, newest first, without their secrets."""

    async def work(service: Service) -> "list[ApiKeyView]":
        from entrypoints.cli.paging import everything

        keys = service.container.identity.api_keys()
        return await everything(lambda query: keys.page(service.actor, query), {})

    found = run(work)
    if as_json:
        print_json(found)
    else:
        print_rows([members(key, SHOWN) for key in found], SHOWN)


@app.command()
def create(
    owner: Annotated[str, typer.Option(help="E-mail address of the service account.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[Permission], typer.Option(help="What it may do; may be given again.")],
    network: Annotated[
        list[str] | None, typer.Option(help="From where it is taken, as CIDR; may be given again.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key for a service account and print its secret, this once."""

    async def work(service: Service) -> Any:
        identity = service.container.identity
        user = await identity.users().by_email(service.actor, owner)
        return await identity.api_keys().create(
            service.actor,
            name=name,
            scopes=frozenset(scope),
            allowed_cidrs=tuple(network or ()),
            owner_id=user.id,
        )

    _show(run(work), as_json)


@app.command()
def rotate(
    key_id: KeyArgument,
    overlap: Annotated[int, typer.Option(min=0, help="Seconds for which the old secret is taken too.")] = 3600,
    as_json: JsonFlag = False,
) -> None:
    """Give the key of a service account a new secret and print it, this once."""

    async def work(service: Service) -> Any:
        from datetime import timedelta

        keys = service.container.identity.api_keys()
        return await keys.rotate(service.actor, key_id, overlap=timedelta(seconds=overlap))

    _show(run(work), as_json)


@app.command()
def revoke(key_id: KeyArgument) -> None:
    """End any key within a second. Exit code 3 if there is none of this id."""

    async def work(service: Service) -> None:
        await service.container.identity.api_keys().revoke(service.actor, key_id)

    run(work)
    typer.echo("The key is revoked.", err=True)


def _show(issued: "IssuedApiKey", as_json: bool) -> None:
    if as_json:
        print_json(issued)
    else:
        typer.echo(f"Key {issued.key.id}; its secret is shown this once:", err=True)
        typer.echo(issued.secret)
