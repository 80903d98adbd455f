"""Searches as version 1 takes and shows them."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.knowledge.search import LIMIT_MAX, OFFSET_MAX, QUERY_MAX, GroupBy, SearchMode
from application.knowledge.views import Explanation, SearchHit, SearchResult
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.filters import DescribedAs, Filter
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, NOT_BLANK, OTHER_ID, WHOLE, Id

QueryText = Annotated[str, Field(min_length=1, max_length=QUERY_MAX, pattern=NOT_BLANK)]
CollectionIds = Annotated[
    Annotated[list[Id], Field(min_length=1, max_length=100)] | None,
    Field(description="Only these collections; left out: all that one may read."),
]
FilterIn = Annotated[dict[str, Any], DescribedAs(Filter)]


class SearchIn(Input):
    query: QueryText
    mode: SearchMode = SearchMode.HYBRID
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX), WHOLE] = 10
    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX), WHOLE] = 0
    collection_ids: CollectionIds = None
    filter: FilterIn | None = None
    group_by: GroupBy = GroupBy.CHUNK
    explain: bool = False


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
    mode: SearchMode
    took_ms: float
    degraded: bool


def search_out(result: SearchResult) -> SearchOut:
    return {
        "items": [_hit(hit) for hit in result.items],
        "mode": SearchMode(result.mode),
        "took_ms": result.took_ms,
        "degraded": result.degraded,
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
