"""Collections from the terminal."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.cli.output import JsonFlag, members, print_json, print_record, print_rows
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.knowledge.views import CollectionView

app = typer.Typer(help="Collections of documents.", no_args_is_help=True)

SHOWN = ["id", "name", "description", "created_at"]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name as it is shown.")],
    description: Annotated[str, typer.Option(help="What it holds.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Create a collection. Administrators see it; others once they are granted a level on it."""

    async def work(service: Service) -> "CollectionView":
        collections = service.container.knowledge.collections()
        made: CollectionView = await collections.create(service.actor, name=name, description=description)
        return made

    made = run(work)
    if as_json:
        print_json(made)
    else:
        print_record(members(made, SHOWN))


@app.command("list")
def list_collections(as_json: JsonFlag = False) -> None:
    """List the collections, newest first."""

    async def work(service: Service) -> "list[CollectionView]":
        from entrypoints.cli.paging import everything

        collections = service.container.knowledge.collections()
        return await everything(lambda query: collections.page(service.actor, query), {})

    found = run(work)
    if as_json:
        print_json(found)
    else:
        print_rows([members(collection, SHOWN) for collection in found], SHOWN)
