"""Searching: pages of one ranking, filters, degraded answers, and refusals."""

from typing import Any
from uuid import UUID

import pytest

from application.knowledge.retriever import WINDOW_MIN
from application.knowledge.search import QUERY_MAX, GroupBy, SearchMode
from application.knowledge.views import CollectionView, SearchHit
from domain.shared.actor import Actor, Permission, system_actor
from domain.shared.errors import Forbidden, Invalid, NotFound, Unavailable
from domain.shared.values import new_id
from tests.knowledge_services import Library

LONG = "\n\n".join(f"Paragraph {number} on rudders " + "word " * 200 for number in range(5))


@pytest.fixture
async def papers(library: Library, ada: Actor) -> CollectionView:
    made = await library.collection(ada)
    for number in range(30):
        text = f"Wing number {number} bends under load {number % 7}."
        metadata = {"n": number, "even": number % 2 == 0}
        await library.hand_in(ada, made, text, title=f"W{number}", metadata=metadata, external_id=f"w-{number}")
    await library.hand_in(ada, made, LONG, title="Rudders")
    await library.settle()
    return made


async def test_a_hit_shows_where_it_comes_from(library: Library, ada: Actor, papers: CollectionView) -> None:
    result = await library.search(ada, "wing number 12", explain=True)
    best = result.items[0]
    assert (result.mode, result.degraded) == ("hybrid", False)
    assert result.took_ms > 0
    assert (best.title, best.external_id, best.collection_id) == ("W12", "w-12", papers.id)
    assert best.metadata == {"n": 12, "even": True}
    assert best.text[best.start : best.end] == "Wing number 12 bends under load 5."
    assert best.explain is not None
    assert best.explain.cosine is not None
    assert best.explain.keyword_share == 1.0
    assert best.score == pytest.approx(best.explain.cosine + 0.45)
    assert (await library.search(ada, "wing number 12")).items[0].explain is None


@pytest.mark.parametrize("mode", list(SearchMode))
@pytest.mark.parametrize("group_by", list(GroupBy))
async def test_pages_partition_the_ranking(
    library: Library, ada: Actor, papers: CollectionView, mode: SearchMode, group_by: GroupBy
) -> None:
    options: dict[str, Any] = {"mode": mode, "group_by": group_by}
    whole = (await library.search(ada, "wing number load rudders", limit=100, **options)).items
    paged: list[SearchHit] = []
    for offset in range(0, 45, 7):
        paged += (await library.search(ada, "wing number load rudders", limit=7, offset=offset, **options)).items
    assert [item.chunk_id for item in paged] == [item.chunk_id for item in whole]
    assert [item.score for item in whole] == sorted((item.score for item in whole), reverse=True)
    documents = [item.document_id for item in whole]
    assert (len(documents) == len(set(documents)) == 31) is (group_by is GroupBy.DOCUMENT)


async def test_a_document_ranks_by_its_best_chunk(library: Library, ada: Actor, papers: CollectionView) -> None:
    chunks = (await library.search(ada, "paragraph rudders", limit=100)).items
    documents = (await library.search(ada, "paragraph rudders", limit=100, group_by=GroupBy.DOCUMENT)).items
    best: dict[UUID, SearchHit] = {}
    for item in chunks:
        best.setdefault(item.document_id, item)
    assert list(documents) == list(best.values())


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ({"field": "metadata.even", "op": "eq", "value": True}, 15),
        ({"field": "metadata.n", "op": "lt", "value": 3}, 3),
        ({"field": "external_id", "op": "in", "value": ["w-3", "w-4", "nothing"]}, 2),
        ({"not": {"field": "metadata.n", "op": "exists", "value": True}}, 1),
        ({"field": "title", "op": "eq", "value": "nothing"}, 0),
    ],
)
async def test_a_filter_narrows_what_is_searched(
    library: Library, ada: Actor, papers: CollectionView, condition: Any, count: int
) -> None:
    options: dict[str, Any] = {"filter": condition, "limit": 100, "group_by": GroupBy.DOCUMENT}
    assert len((await library.search(ada, "wing rudders", **options)).items) == count
    assert len((await library.search(ada, "wing rudders", **options)).items) == count, "remembered"


async def test_changed_fields_count_at_once(library: Library, ada: Actor, papers: CollectionView) -> None:
    condition = {"field": "metadata.n", "op": "eq", "value": 5}
    found = (await library.search(ada, "wing", filter=condition)).items
    await library.documents.change(ada, found[0].document_id, title="W5", metadata={"n": 50}, expected=None)
    assert not (await library.search(ada, "wing", filter=condition)).items


async def test_only_so_many_filter_results_are_remembered(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.knowledge.scope.REMEMBERED", 2)
    for number in (1, 2, 3, 1):
        condition = {"field": "metadata.n", "op": "lte", "value": number}
        assert len((await library.search(ada, "wing", filter=condition)).items) == number + 1
    assert len(library.scope._kept) == 2


async def test_a_result_that_is_stale_before_it_is_kept_is_not_kept(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = library.store.reads.document_fields

    async def meanwhile(collections: Any) -> Any:
        found = await fields(collections)
        library.changes.moved()
        return found

    monkeypatch.setattr(library.store.reads, "document_fields", meanwhile)
    await library.search(ada, "wing", filter={"field": "metadata.n", "op": "eq", "value": 5})
    assert not library.scope._kept


async def test_a_hybrid_search_without_vectors_is_answered_by_keywords(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_keywords = await library.search(ada, "wing number 12", mode=SearchMode.KEYWORD)
    library.embedder.down = True
    degraded = await library.search(ada, "wing number 12", explain=True)
    assert (degraded.mode, degraded.degraded) == ("keyword", True)
    assert [item.chunk_id for item in degraded.items] == [item.chunk_id for item in by_keywords.items]
    assert degraded.items[0].explain is not None
    assert degraded.items[0].explain.cosine is None
    with pytest.raises(Unavailable):
        await library.search(ada, "wing", mode=SearchMode.SEMANTIC)
    library.embedder.down = False

    def gone(*_: Any, **__: Any) -> Any:
        raise Unavailable("vectors_down", "The vector store cannot be reached.")

    monkeypatch.setattr(library.vectors, "search", gone)
    degraded = await library.search(ada, "wing number 12")
    assert (degraded.mode, degraded.degraded) == ("keyword", True)
    assert [item.score for item in degraded.items] == [item.score for item in by_keywords.items]
    with pytest.raises(Unavailable):
        await library.search(ada, "wing", mode=SearchMode.SEMANTIC)


async def test_a_full_executor_is_told_not_degraded(library: Library, ada: Actor, papers: CollectionView) -> None:
    library.executor.full = True
    with pytest.raises(Unavailable) as refused:
        await library.search(ada, "wing")
    assert refused.value.retry_after == 1


async def test_chunks_that_the_index_has_not_forgotten_yet_are_passed_over(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    before = [item.document_id for item in (await library.search(ada, "wing number", limit=20)).items]
    async with library.store.operation("elsewhere") as uow:
        for document_id in before[:3]:
            document = await uow.documents.get(document_id)
            uow.chunks.remove(document_id)
            uow.documents.remove(document)
        await uow.commit(None)
    after = [item.document_id for item in (await library.search(ada, "wing number", limit=17)).items]
    assert after == before[3:]
    second = [item.document_id for item in (await library.search(ada, "wing number", limit=9, offset=8)).items]
    assert after[8:] == second


async def test_long_rankings_are_walked_in_windows(library: Library, ada: Actor) -> None:
    made = await library.collection(ada)
    text = "\n\n".join(f"Rudder {number} " + "rudder " * 230 for number in range(WINDOW_MIN + 10))
    await library.hand_in(ada, made, text, title="Long")
    await library.hand_in(ada, made, "A rudder once.", title="Short")
    await library.settle()
    assert sorted(await library.found(ada, "rudder", group_by=GroupBy.DOCUMENT)) == ["Long", "Short"]


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"query": ""}, "/query"),
        ({"query": " \n"}, "/query"),
        ({"query": "x" * (QUERY_MAX + 1)}, "/query"),
        ({"query": "a\x00"}, "/query"),
        ({"limit": 0}, "/limit"),
        ({"limit": 101}, "/limit"),
        ({"offset": -1}, "/offset"),
        ({"offset": 1001}, "/offset"),
        ({"collection_ids": []}, "/collection_ids"),
        ({"collection_ids": [new_id() for _ in range(101)]}, "/collection_ids"),
        ({"filter": {"field": "x", "op": "eq", "value": 1}}, "/filter/field"),
    ],
)
async def test_what_cannot_be_searched_is_refused(
    library: Library, ada: Actor, options: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await library.search(ada, **{"query": "wing"} | options)
    assert [violation.pointer for violation in refused.value.violations] == [pointer]


async def test_words_that_say_nothing_find_by_meaning_only(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    assert not (await library.search(ada, "the of and", mode=SearchMode.KEYWORD)).items
    assert (await library.search(ada, "the of and", explain=True)).items[0].explain.keyword_share == 0  # type: ignore[union-attr]


async def test_collections_that_one_may_not_know_are_not_found(
    library: Library, ada: Actor, eve: Actor, papers: CollectionView
) -> None:
    other = await library.collection(eve, "Other")
    for actor, collection_id in ((ada, other.id), (ada, new_id()), (system_actor("cli"), new_id())):
        with pytest.raises(NotFound):
            await library.search(actor, "wing", collection_ids=[papers.id, collection_id])
    assert not (await library.search(eve, "wing")).items
    assert not (await library.search(eve, "wing", collection_ids=[other.id])).items
    assert (await library.search(system_actor("cli"), "wing", collection_ids=[papers.id])).items


async def test_searching_needs_its_permission(library: Library) -> None:
    with pytest.raises(Forbidden):
        await library.search(library.person(Permission.ANSWERS), "wing")
