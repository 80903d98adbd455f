"""What one may not read neither appears nor moves a number: each search equals one over the readable part alone."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application.knowledge.search import GroupBy, SearchMode
from application.knowledge.views import SearchResult
from domain.shared.actor import Actor
from tests.knowledge_services import Library
from tests.stores import memory_store

WORDS = ["wing", "rudder", "load", "tail", "canary", "heat", "flow", "the"]
COLLECTIONS = 4

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
documents = st.lists(
    st.tuples(st.integers(0, COLLECTIONS - 1), texts, texts, st.integers(0, 2)), min_size=1, max_size=14
)
conditions = st.none() | st.builds(
    lambda op, value: {"field": "metadata.n", "op": op, "value": value},
    st.sampled_from(["eq", "ne", "gt"]),
    st.integers(0, 2),
)
queries = st.fixed_dictionaries(
    {
        "query": texts,
        "mode": st.sampled_from(list(SearchMode)),
        "group_by": st.sampled_from(list(GroupBy)),
        "limit": st.integers(1, 10),
        "offset": st.integers(0, 3),
        "filter": conditions,
    }
)


async def filled(
    contents: list[tuple[int, str, str, int]], readable: frozenset[int], only: bool
) -> tuple[Library, Actor]:
    """A library of all documents, or `only` of those that the reader may read."""
    library = Library(memory_store())
    owner, reader = library.person(), library.person()
    collections = [
        await library.collection(owner, f"C{number}", [reader] if number in readable else [])
        for number in range(COLLECTIONS)
    ]
    for place, (number, title, text, n) in enumerate(contents):
        if number in readable or not only:
            await library.hand_in(owner, collections[number], text, title, {"n": n}, external_id=f"{place:03}")
    await library.settle()
    return library, reader


def numbers(result: SearchResult) -> list[Any]:
    """Everything that a caller can see or count, but for ids made at random."""
    shown = [(item.external_id, item.title, item.text, round(item.score, 5), item.explain) for item in result.items]
    return [result.mode, result.degraded, [(*hit[:4], _rounded(hit[4])) for hit in shown]]


def _rounded(explain: Any) -> Any:
    cosine = None if explain.cosine is None else round(explain.cosine, 5)
    return cosine, round(explain.bm25, 5), round(explain.keyword_share, 5)


@settings(max_examples=60, deadline=None)
@given(documents, st.frozensets(st.integers(0, COLLECTIONS - 1)), st.lists(queries, min_size=1, max_size=4))
def test_nothing_unreadable_has_any_influence(
    contents: list[tuple[int, str, str, int]], readable: frozenset[int], asked: list[dict[str, Any]]
) -> None:
    async def compare() -> None:
        everything, reader = await filled(contents, readable, only=False)
        readable_part, same_reader = await filled(contents, readable, only=True)
        for query in asked:
            seen = await everything.search(reader, **query, explain=True)
            assert numbers(seen) == numbers(await readable_part.search(same_reader, **query, explain=True))

    asyncio.run(compare())


async def test_rights_count_from_one_search_to_the_next(library: Library, ada: Actor, eve: Actor) -> None:
    made = await library.collection(ada, readers=[eve])
    await library.hand_in(ada, made, "A canary sings.", metadata={"n": 1})
    await library.settle()
    condition = {"field": "metadata.n", "op": "eq", "value": 1}
    assert len((await library.search(eve, "canary", filter=condition)).items) == 1
    manager = [grant for grant in (await library.collections.grants(ada, made.id)).grants if grant.level == "manage"]
    await library.collections.set_grants(ada, made.id, manager, expected=None)
    assert not (await library.search(eve, "canary", filter=condition)).items
    assert not (await library.search(eve, "canary")).items
