"""Searches and answers as version 1 takes and shows them."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.knowledge.search import LIMIT_MAX, OFFSET_MAX, QUERY_MAX, GroupBy, SearchMode
from application.knowledge.views import AnswerView, Explanation, SearchHit, SearchResult
from domain.knowledge.answers import Citation
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, OTHER_ID, Id

QueryText = Annotated[str, Field(min_length=1, max_length=QUERY_MAX)]
CollectionIds = Annotated[
    list[Id] | None, Field(max_length=100, description="Only these collections; left out: all that one may read.")
]
FilterIn = Annotated[
    dict[str, Any] | None,
    Field(description='`{"field": …, "op": …, "value": …}`, or `{"and": […]}`, `{"or": […]}`, `{"not": …}`.'),
]


class SearchIn(Input):
    query: QueryText
    mode: SearchMode = SearchMode.HYBRID
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 10
    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX)] = 0
    collection_ids: CollectionIds = None
    filter: FilterIn = None
    group_by: GroupBy = GroupBy.CHUNK
    explain: bool = False


class QuestionIn(Input):
    question: QueryText
    collection_ids: CollectionIds = None
    filter: FilterIn = None
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] | None = None


class ExplanationOut(TypedDict):
    """How the score came about: cosine, BM25, and BM25 as a share of the best candidate's."""

    cosine: float | None
    bm25: float
    keyword_share: float


class SearchHitOut(TypedDict):
    document_id: UUID
    external_id: str | None
    collection_id: UUID
    chunk_id: UUID
    title: str
    text: str
    score: float
    page: int | None
    start: int
    end: int
    metadata: dict[str, Any]
    explain: ExplanationOut | None


class SearchOut(TypedDict):
    """`mode` is the one that was answered; `degraded` tells that a part was down and keywords stood in."""

    items: list[SearchHitOut]
    mode: str
    took_ms: float
    degraded: bool


class CitationOut(TypedDict):
    """A verbatim part of a chunk: characters [start, end) of the document's text."""

    n: int
    document_id: UUID
    chunk_id: UUID
    quote: str
    page: int | None
    start: int
    end: int


class AnswerOut(TypedDict):
    """`mode` says how the text came about: by a language model, of quotes alone, or not at all for want of evidence."""

    id: UUID
    question: str
    mode: str
    text: str
    citations: list[CitationOut]
    model: str | None
    usage: dict[str, Any] | None
    took_ms: float
    created_at: Instant


def search_out(result: SearchResult) -> SearchOut:
    return {
        "items": [_hit(hit) for hit in result.items],
        "mode": result.mode,
        "took_ms": result.took_ms,
        "degraded": result.degraded,
    }


def answer_out(view: AnswerView) -> AnswerOut:
    return {
        "id": view.id,
        "question": view.question,
        "mode": view.mode,
        "text": view.text,
        "citations": [_citation(citation) for citation in view.citations],
        "model": view.model,
        "usage": None if view.usage is None else dict(view.usage),
        "took_ms": view.took_ms,
        "created_at": view.created_at,
    }


def _hit(hit: SearchHit) -> SearchHitOut:
    return {
        "document_id": hit.document_id,
        "external_id": hit.external_id,
        "collection_id": hit.collection_id,
        "chunk_id": hit.chunk_id,
        "title": hit.title,
        "text": hit.text,
        "score": hit.score,
        "page": hit.page,
        "start": hit.start,
        "end": hit.end,
        "metadata": dict(hit.metadata),
        "explain": _explanation(hit.explain),
    }


def _explanation(explanation: Explanation | None) -> ExplanationOut | None:
    if explanation is None:
        return None
    return {
        "cosine": explanation.cosine,
        "bm25": explanation.bm25,
        "keyword_share": explanation.keyword_share,
    }


def _citation(citation: Citation) -> CitationOut:
    return {
        "n": citation.n,
        "document_id": citation.document_id,
        "chunk_id": citation.chunk_id,
        "quote": citation.quote,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
    }


SEARCH: Final = {
    "query": "how many days of leave",
    "limit": 3,
    "filter": {"field": "metadata.year", "op": "gte", "value": 2020},
}
SEARCH_ANSWER: Final = {
    "items": [
        {
            "document_id": EXAMPLE_ID,
            "external_id": "hr-7",
            "collection_id": OTHER_ID,
            "chunk_id": OTHER_ID,
            "title": "Leave",
            "text": "Everyone has thirty days of leave a year.",
            "score": 0.87,
            "page": None,
            "start": 0,
            "end": 41,
            "metadata": {"year": 2026},
            "explain": None,
        }
    ],
    "mode": "hybrid",
    "took_ms": 4.4,
    "degraded": False,
}
QUESTION: Final = {"question": "How many days of leave do I have?"}
ANSWER: Final = {
    "id": EXAMPLE_ID,
    "question": "How many days of leave do I have?",
    "mode": "extractive",
    "text": "“Everyone has thirty days of leave a year.” [1]",
    "citations": [
        {
            "n": 1,
            "document_id": EXAMPLE_ID,
            "chunk_id": OTHER_ID,
            "quote": "Everyone has thirty days of leave a year.",
            "page": None,
            "start": 0,
            "end": 41,
        }
    ],
    "model": None,
    "usage": None,
    "took_ms": 7.9,
    "created_at": EXAMPLE_TIME,
}
