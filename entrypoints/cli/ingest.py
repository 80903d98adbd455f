"""`fastops ingest`: documents into a collection, read and made searchable by this very process."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrypoints.cli.errors import PARTLY, say
from entrypoints.cli.output import JsonFlag, print_json, print_record
from entrypoints.cli.progress import progress
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from uuid import UUID

    from application.knowledge.views import CollectionView

NAMED_FAILURES = 10


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files, folders, or a BEIR corpus.jsonl.")],
    collection: Annotated[str, typer.Option(help="Name of the collection; it is made where there is none.")],
    as_json: JsonFlag = False,
) -> None:
    """Add documents to a collection. Known content is passed over; exit code 1 when some documents failed.

    Of a corpus.jsonl each line is a document: `_id` (its external_id), `title`, `text`. It works beside a running
    service and without one; what an interrupted run leaves is finished by the next run or by the service.
    """
    from entrypoints.cli.ingestion import Ingestion, Summary, figures

    async def work(service: Service) -> Summary:
        collection_id = await _collection_id(service, collection)
        with progress("documents", None) as advance:
            return await Ingestion(service, collection_id, advance).run(paths)

    summary = run(work)
    found = figures(summary, collection)
    if as_json:
        print_json({**found, "failures": summary.failures})
    else:
        print_record({**found, "reasons": [f"{code} {count}" for code, count in summary.reasons().items()]})
    for failure in summary.failures[:NAMED_FAILURES]:
        say(f"{failure.name}: {failure.detail} [{failure.code}]")
    if len(summary.failures) > NAMED_FAILURES:
        say(f"… and {len(summary.failures) - NAMED_FAILURES} more; --json lists all.")
    if summary.failures:
        sys.exit(PARTLY)


async def _collection_id(service: Service, name: str) -> "UUID":
    from domain.shared.errors import NotFound

    collections = service.container.knowledge.collections()
    try:
        found: CollectionView = await collections.named(service.actor, name)
    except NotFound:
        found = await collections.create(service.actor, name=name)
        say(f"The collection {name} was made.")
    return found.id
