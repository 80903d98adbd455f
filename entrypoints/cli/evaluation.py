"""`fastops evaluate`: how well searches find what people judged relevant."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.shared.errors import Malformed
from entrypoints.cli.answering import Mode, ModeOption
from entrypoints.cli.output import JsonFlag, print_json, print_record
from entrypoints.cli.progress import progress
from entrypoints.cli.service import Service, run

if TYPE_CHECKING:
    from application.knowledge.evaluation import EvaluationReport


def evaluate(
    collection: Annotated[str, typer.Option(help="Name of the collection that is searched.")],
    queries: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="BEIR queries.jsonl: _id and text.")],
    qrels: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="BEIR qrels.tsv: query, document (external_id), gain.")
    ],
    mode: ModeOption = Mode.HYBRID,
    as_json: JsonFlag = False,
) -> None:
    """Measure nDCG@10, recall@100 and MRR@10 on judged queries; a document ranks by its best passage."""
    judged = read_qrels(qrels)
    texts = {query: text for query, text in read_queries(queries).items() if query in judged}

    async def work(service: Service) -> "EvaluationReport":
        from application.knowledge.search import SearchMode

        found = await service.container.knowledge.collections().named(service.actor, collection)
        with progress("queries", len(texts)) as advance:
            report: EvaluationReport = await service.container.knowledge.evaluation().evaluate(
                service.actor, found.id, texts, judged, SearchMode(mode.value), advance
            )
            return report

    report = run(work, with_index=True)
    figures = {
        "collection": collection,
        "mode": mode.value,
        "queries": report.queries,
        "ndcg@10": round(report.ndcg_10, 4),
        "recall@100": round(report.recall_100, 4),
        "mrr@10": round(report.mrr_10, 4),
    }
    if as_json:
        print_json(figures)
    else:
        print_record(figures)


def read_queries(path: Path) -> dict[str, str]:
    """Text of each query by its id."""
    try:
        lines = [json.loads(line) for line in _lines(path)]
        return {str(line["_id"]): str(line["text"]) for line in lines}
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("queries_malformed", f"{path.name} is no queries.jsonl: a line lacks _id or text.") from error


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Gain per document per query. A head line is passed over; so is the second column of the four of TREC."""
    judged: dict[str, dict[str, int]] = {}
    try:
        for row in csv.reader(_lines(path), delimiter="\t"):
            query, document, gain = (row[0], row[2], row[3]) if len(row) == 4 else row
            if gain != "score":
                judged.setdefault(query, {})[document] = int(gain)
    except (ValueError, IndexError) as error:
        detail = f"{path.name} is no qrels.tsv: a line is not query, document and gain, parted by tabs."
        raise Malformed("qrels_malformed", detail) from error
    return judged


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        yield from (line for line in file if line.strip())
