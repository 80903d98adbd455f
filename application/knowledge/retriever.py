"""Finding chunks: one ranking per query over what the actor may read, cut into pages and joined with the rows."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from application.knowledge.fusion import Ranking, rank, rank_by_keywords
from application.knowledge.ports import ChunkHit, KnowledgeReads
from application.knowledge.retrieval import AllowedSet, Analyzer, Embedder, KeywordIndex, Vector, VectorIndex
from application.knowledge.scope import SearchScope
from application.knowledge.search import Findings, Found, GroupBy, SearchMode, SearchQuery, checked
from application.knowledge.sight import Library
from application.knowledge.views import Explanation
from application.shared.ports import Executor
from domain.knowledge.filter_grammar import parse_filter
from domain.knowledge.ranking import VECTOR_DEPTH
from domain.shared.actor import Actor
from domain.shared.errors import Unavailable

WINDOW_MIN = 50


class Retriever:
    """The search behind searches, answers and evaluations; permissions are their callers' check, rights its own."""

    def __init__(
        self,
        reads: KnowledgeReads,
        scope: SearchScope,
        *,
        analyzer: Analyzer,
        embedder: Embedder,
        keywords: KeywordIndex,
        vectors: VectorIndex,
        executor: Executor,
    ) -> None:
        self._reads, self._scope = reads, scope
        self._analyzer, self._embedder = analyzer, embedder
        self._keywords, self._vectors, self._executor = keywords, vectors, executor

    async def find(self, uow: Library, actor: Actor, query: SearchQuery) -> Findings:
        """One page of the ranking. Pages of equal queries partition it while the index is unchanged.

        Raises Invalid, NotFound for unknown collections, and Unavailable where a semantic search has no vectors;
        a hybrid one is then answered by keywords.
        """
        text = checked(query)
        condition = None if query.filter is None else parse_filter(query.filter)
        allowed = await self._scope.allowed(uow, actor, query.collection_ids, condition)
        ranking, mode = await self._rank(text, query.mode, allowed)
        items = await self._page(ranking, query, allowed.collections)
        scores = ranking.keyword_scores if mode is SearchMode.KEYWORD else ranking.scores
        best = float(ranking.keyword_scores.max(initial=0.0))
        found = [Found(hit, float(scores[row]), _explanation(ranking, row, best)) for row, hit in items]
        return Findings(tuple(found), mode, degraded=mode is not query.mode)

    async def _rank(self, text: str, mode: SearchMode, allowed: AllowedSet) -> tuple[Ranking, SearchMode]:
        if mode is SearchMode.SEMANTIC:
            vector = await self._embedder.query(text)
            return await self._executor(lambda: self._by_vector(vector, allowed)), mode
        if mode is SearchMode.HYBRID:
            try:
                vector = await self._embedder.query(text)
            except Unavailable:
                mode = SearchMode.KEYWORD
            else:
                return await self._executor(lambda: self._by_both(text, vector, allowed))
        return await self._executor(lambda: self._by_keywords(text, allowed)), mode

    def _by_both(self, text: str, vector: Vector, allowed: AllowedSet) -> tuple[Ranking, SearchMode]:
        terms = self._analyzer.query(text)
        try:
            fused = rank(terms, vector, allowed=allowed, keywords=self._keywords, vectors=self._vectors)
        except Unavailable:
            return self._by_keywords(text, allowed), SearchMode.KEYWORD
        return fused, SearchMode.HYBRID

    def _by_keywords(self, text: str, allowed: AllowedSet) -> Ranking:
        return rank_by_keywords(self._analyzer.query(text), allowed=allowed, keywords=self._keywords)

    def _by_vector(self, vector: Vector, allowed: AllowedSet) -> Ranking:
        hits = self._vectors.search(vector, allowed=allowed, limit=VECTOR_DEPTH)
        none = np.zeros(len(hits.numbers), dtype=np.float32)
        return Ranking(hits.numbers, hits.scores.astype(np.float64), hits.scores, none)

    async def _page(
        self, ranking: Ranking, query: SearchQuery, collections: frozenset[UUID] | None
    ) -> list[tuple[int, ChunkHit]]:
        """The wanted rows of the ranking with their chunks. Chunks that are gone from the store do not count."""
        if query.offset == 0 and query.group_by is GroupBy.CHUNK:
            rows = list(range(min(query.limit, len(ranking))))
            hits = await self._joined(ranking, rows, collections)
            if len(hits) == len(rows):
                return hits
        rows = await self._rows(ranking, query.offset + query.limit, query.group_by)
        return await self._joined(ranking, rows[query.offset :], collections)

    async def _rows(self, ranking: Ranking, wanted: int, group_by: GroupBy) -> list[int]:
        """The first `wanted` rows whose chunks are still there, or the best row of each of as many documents."""
        rows: list[int] = []
        met: set[UUID] = set()
        start = 0
        while len(rows) < wanted and start < len(ranking):
            window = range(start, min(start + max(wanted - len(rows), WINDOW_MIN), len(ranking)))
            documents = await self._reads.documents_of_chunks(ranking.numbers[window.start : window.stop].tolist())
            for row in window:
                document = documents.get(int(ranking.numbers[row]))
                if document is not None and (group_by is GroupBy.CHUNK or document not in met):
                    met.add(document)
                    rows.append(row)
            start = window.stop
        return rows[:wanted]

    async def _joined(
        self, ranking: Ranking, rows: Sequence[int], collections: frozenset[UUID] | None
    ) -> list[tuple[int, ChunkHit]]:
        places = {int(ranking.numbers[row]): row for row in rows}
        hits = await self._reads.hits(list(places), collections) if places else ()
        return [(places[hit.number], hit) for hit in hits]


def _explanation(ranking: Ranking, row: int, best: float) -> Explanation:
    cosine, bm25 = float(ranking.cosines[row]), float(ranking.keyword_scores[row])
    share = bm25 / best if best > 0 else 0.0
    return Explanation(cosine=None if np.isnan(cosine) else cosine, bm25=bm25, keyword_share=share)
