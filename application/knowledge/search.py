"""The use case of searching: what may be asked, and what is answered. How chunks are found: `retriever.py`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from application.knowledge.ports import ChunkHit, KnowledgeWork
from application.knowledge.views import Explanation, SearchHit, SearchResult
from application.shared.unit_of_work import Operation, Work
from domain.knowledge.metadata import storable
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Invalid, Violation

if TYPE_CHECKING:
    from application.knowledge.retriever import Retriever

QUERY_MAX = 4000
LIMIT_MAX = 100
OFFSET_MAX = 1000


class SearchMode(StrEnum):
    HYBRID = "hybrid"
    SEMANTIC = "semantic"
    KEYWORD = "keyword"


class GroupBy(StrEnum):
    CHUNK = "chunk"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What is searched. `filter` is plain JSON in the grammar of `domain.knowledge.filter_grammar`."""

    query: str
    mode: SearchMode = SearchMode.HYBRID
    limit: int = 10
    offset: int = 0
    collection_ids: Sequence[UUID] | None = None
    filter: object | None = None
    group_by: GroupBy = GroupBy.CHUNK
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk with its place in the ranking's scores."""

    chunk: ChunkHit
    score: float
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Findings:
    """One page. `mode` is the one that was answered, `degraded` tells that it is not the one that was asked for."""

    items: tuple[Found, ...]
    mode: SearchMode
    degraded: bool


class SearchService:
    """Only chunks that the actor may read influence any number of an answer."""

    def __init__(self, work: Work[KnowledgeWork], retriever: "Retriever") -> None:
        self._work, self._retriever = work, retriever

    async def search(self, actor: Actor, query: SearchQuery) -> SearchResult:
        """Find chunks by meaning, by keywords, or by both; see `SearchQuery`."""
        actor.require(Permission.SEARCH)
        began = time.perf_counter()
        async with self._work(Operation("search.run", actor)) as uow:
            findings = await self._retriever.find(uow, actor, query)
        items = tuple(_hit(found, query.explain) for found in findings.items)
        took_ms = round((time.perf_counter() - began) * 1000, 3)
        return SearchResult(items=items, mode=findings.mode.value, took_ms=took_ms, degraded=findings.degraded)


def _hit(found: Found, explain: bool) -> SearchHit:
    chunk = found.chunk
    return SearchHit(
        document_id=chunk.document_id,
        external_id=chunk.external_id,
        collection_id=chunk.collection_id,
        chunk_id=chunk.id,
        title=chunk.title,
        text=chunk.text,
        score=found.score,
        page=chunk.page,
        start=chunk.start,
        end=chunk.end,
        metadata=chunk.metadata,
        explain=found.explanation if explain else None,
    )


def checked(query: SearchQuery) -> str:
    """The text to search for. Raises Invalid for what cannot be searched."""
    violations = []
    if not 1 <= query.limit <= LIMIT_MAX:
        violations.append(Violation("/limit", "out_of_range", f"Use 1 to {LIMIT_MAX}."))
    if not 0 <= query.offset <= OFFSET_MAX:
        violations.append(Violation("/offset", "out_of_range", f"Use 0 to {OFFSET_MAX}."))
    if violations:
        raise Invalid(violations=violations)
    return check_text(query.query, "/query")


def check_text(text: str, pointer: str) -> str:
    """A text to search for, without blanks around it. Raises Invalid where it is empty, too long or broken."""
    text = text.strip()
    if not text or len(text) > QUERY_MAX:
        detail = f"Use 1 to {QUERY_MAX} characters that are not blank."
        raise Invalid(violations=[Violation(pointer, "length", detail)])
    if not storable(text):
        detail = "Use neither NUL nor lone surrogates."
        raise Invalid(violations=[Violation(pointer, "characters", detail)])
    return text
