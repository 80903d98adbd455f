"""The use case of measuring retrieval on one's own judgements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from application.knowledge.ports import KnowledgeWork
from application.knowledge.retriever import Retriever
from application.knowledge.search import GroupBy, SearchMode, SearchQuery
from application.knowledge.sight import seen_collection
from application.shared.unit_of_work import Operation, Work
from domain.knowledge import evaluation
from domain.knowledge.evaluation import Judgements
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Invalid, Unavailable, Violation

DEPTH = 100
PRECISE_DEPTH = 10

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """Means over the judged queries, whose number is `queries`: nDCG@10, recall@100 and MRR@10, each from 0 to 1."""

    mode: str
    ndcg_10: float
    recall_100: float
    mrr_10: float
    queries: int


class EvaluationService:
    """Runs judged queries through the search that everybody uses."""

    def __init__(self, work: Work[KnowledgeWork], retriever: Retriever) -> None:
        self._work, self._retriever = work, retriever

    async def evaluate(
        self,
        actor: Actor,
        collection_id: UUID,
        queries: Mapping[str, str],
        qrels: Mapping[str, Judgements],
        mode: SearchMode = SearchMode.HYBRID,
        on_progress: Progress | None = None,
    ) -> EvaluationReport:
        """Measure one mode on one collection. `queries` maps ids to texts, `qrels` those ids to judged documents.

        Documents are named by external_id, those without one by id. Queries without a relevant document are left out,
        as trec_eval does. Raises Unavailable where a hybrid search would have to do without vectors: its figures
        would be those of another mode.
        """
        actor.require(Permission.EVALUATIONS_WRITE)
        judged = [(queries[name], qrels[name]) for name in queries if _has_relevant(qrels.get(name, {}))]
        if not judged:
            detail = "No query has a judgement above 0; check that both use the same query ids."
            raise Invalid("nothing_judged", detail, violations=[Violation("/qrels", "nothing_judged", detail)])
        rankings: list[list[str]] = []
        async with self._work(Operation("evaluation.run", actor)) as uow:
            await seen_collection(uow, actor, collection_id)
            for text, _ in judged:
                rankings.append(await self._ranked(uow, actor, collection_id, text, mode))
                if on_progress is not None:
                    on_progress(len(rankings), len(judged))
        return _report(mode, rankings, [judgements for _, judgements in judged])

    async def _ranked(
        self, uow: KnowledgeWork, actor: Actor, collection_id: UUID, text: str, mode: SearchMode
    ) -> list[str]:
        findings = await self._retriever.find(
            uow,
            actor,
            SearchQuery(query=text, mode=mode, limit=DEPTH, collection_ids=[collection_id], group_by=GroupBy.DOCUMENT),
        )
        if findings.degraded:
            raise Unavailable("vectors_unavailable", "Vectors cannot be had for the moment; measure later.")
        return [found.chunk.external_id or str(found.chunk.document_id) for found in findings.items]


def _report(mode: SearchMode, rankings: Sequence[Sequence[str]], judgements: Sequence[Judgements]) -> EvaluationReport:
    judged = list(zip(rankings, judgements, strict=True))
    return EvaluationReport(
        mode=mode.value,
        ndcg_10=evaluation.mean([evaluation.ndcg(*pair, PRECISE_DEPTH) for pair in judged]),
        recall_100=evaluation.mean([evaluation.recall(*pair, DEPTH) for pair in judged]),
        mrr_10=evaluation.mean([evaluation.reciprocal_rank(*pair, PRECISE_DEPTH) for pair in judged]),
        queries=len(judged),
    )


def _has_relevant(judgements: Judgements) -> bool:
    return any(gain > 0 for gain in judgements.values())
