"""Searching and asking from the terminal."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.cli.output import JsonFlag, print_json, printable
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from uuid import UUID

    from application.knowledge.views import AnswerView, SearchResult

EXCERPT = 300

CollectionOption = Annotated[
    list[str] | None, typer.Option("--collection", help="Name of a collection to look in; may be given again.")
]


class Mode(StrEnum):
    """How to rank: by both, by meaning, or by words."""

    HYBRID = "hybrid"
    SEMANTIC = "semantic"
    KEYWORD = "keyword"


ModeOption = Annotated[Mode, typer.Option(help="How to rank.")]


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    collection: CollectionOption = None,
    mode: ModeOption = Mode.HYBRID,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Results to show.")] = 10,
    as_json: JsonFlag = False,
) -> None:
    """Find the best passages for a query."""

    async def work(service: Service) -> "SearchResult":
        from application.knowledge.search import SearchMode, SearchQuery

        wanted = SearchQuery(
            query=query,
            mode=SearchMode(mode.value),
            limit=limit,
            collection_ids=await collection_ids(service, collection),
        )
        found: SearchResult = await service.container.knowledge.search().search(service.actor, wanted)
        return found

    found = run(work, with_index=True)
    if as_json:
        print_json(found)
        return
    if found.degraded:
        typer.echo("The embedding model is not to be had: this is a keyword search. See `fastops doctor`.", err=True)
    for place, hit in enumerate(found.items, start=1):
        page = f", page {hit.page}" if hit.page else ""
        print(f"{place:>3}  {hit.score:.3f}  {printable(hit.title)}{page}")
        print(f"            {_excerpt(hit.text)}")
    if not found.items:
        typer.echo("Nothing was found.", err=True)


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    collection: CollectionOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer a question with quotes from the documents; each quote is checked against its source."""

    async def work(service: Service) -> "AnswerView":
        answers = service.container.knowledge.answers()
        ids = await collection_ids(service, collection)
        answer: AnswerView = await answers.ask(service.actor, question=question, collection_ids=ids)
        return answer

    answer = run(work, with_index=True)
    if as_json:
        print_json(answer)
        return
    print(printable(answer.text))
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page else ""
        print(f"\n[{citation.n}] document {citation.document_id}{page}\n    “{_excerpt(citation.quote)}”")


async def collection_ids(service: Service, names: list[str] | None) -> "list[UUID] | None":
    """The ids behind collection names, None for no names. Raises NotFound."""
    if not names:
        return None
    collections = service.container.knowledge.collections()
    return [(await collections.named(service.actor, name)).id for name in names]


def _excerpt(text: str) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= EXCERPT else line[:EXCERPT].rsplit(" ", 1)[0] + " …"
