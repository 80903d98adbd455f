"""Evaluations: the figures are those of the search that everybody uses, on one collection."""

import pytest

from application.knowledge.search import SearchMode
from application.knowledge.views import CollectionView
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Forbidden, Invalid, NotFound, Unavailable
from tests.knowledge_services import Library

QUERIES = {"q1": "wing number eleven", "q2": "rudder", "q3": "unjudged", "q4": "nothing relevant"}
QRELS = {"q1": {"w-eleven": 1}, "q2": {"r": 2, "absent": 1}, "q4": {"w-1": 0}}


@pytest.fixture
async def papers(library: Library, ada: Actor) -> CollectionView:
    made = await library.collection(ada)
    for number in ("ten", "eleven", "twelve", "thirteen"):
        await library.hand_in(ada, made, f"Wing number {number} bends.", external_id=f"w-{number}")
    await library.hand_in(ada, made, "The rudder turns.", external_id="r")
    other = await library.collection(ada, "Other")
    await library.hand_in(ada, other, "rudder rudder rudder", external_id="elsewhere")
    await library.settle()
    return made


@pytest.mark.parametrize("mode", list(SearchMode))
async def test_judged_queries_are_measured(
    library: Library, ada: Actor, papers: CollectionView, mode: SearchMode
) -> None:
    told: list[tuple[int, int]] = []
    report = await library.evaluation.evaluate(
        ada, papers.id, QUERIES, QRELS, mode, lambda done, total: told.append((done, total))
    )
    assert (report.mode, report.queries) == (mode.value, 2)
    assert report.mrr_10 == 1.0
    assert report.recall_100 == 0.75
    assert 0.8 < report.ndcg_10 < 1.0
    assert told == [(1, 2), (2, 2)]


async def test_documents_without_external_id_go_by_their_id(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    document = await library.hand_in(ada, papers, "A nameless canary sings.")
    await library.settle()
    report = await library.evaluation.evaluate(ada, papers.id, {"q": "canary"}, {"q": {str(document.id): 1}})
    assert report.ndcg_10 == 1.0


async def test_figures_of_another_mode_are_not_given(library: Library, ada: Actor, papers: CollectionView) -> None:
    library.embedder.down = True
    with pytest.raises(Unavailable):
        await library.evaluation.evaluate(ada, papers.id, QUERIES, QRELS)
    assert (await library.evaluation.evaluate(ada, papers.id, QUERIES, QRELS, SearchMode.KEYWORD)).queries == 2


async def test_without_judgements_there_is_nothing_to_measure(
    library: Library, ada: Actor, eve: Actor, papers: CollectionView
) -> None:
    with pytest.raises(Invalid) as refused:
        await library.evaluation.evaluate(ada, papers.id, QUERIES, {"q4": {"w-1": 0}})
    assert refused.value.code == "nothing_judged"
    with pytest.raises(NotFound):
        await library.evaluation.evaluate(eve, papers.id, QUERIES, QRELS)
    with pytest.raises(Forbidden):
        await library.evaluation.evaluate(library.person(Permission.EVALUATIONS_READ), papers.id, QUERIES, QRELS)
