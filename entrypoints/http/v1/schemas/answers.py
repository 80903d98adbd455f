"""Questions and answers as version 1 takes and shows them, whole or as a stream of events."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from application.knowledge.search import LIMIT_MAX
from application.knowledge.views import AnswerView
from domain.knowledge.answers import AnswerMode, Citation, Source
from domain.knowledge.marks import marked_parts
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.representations import json_bytes
from entrypoints.http.streams import Event
from entrypoints.http.v1.schemas.search import CollectionIds, FilterIn, QueryText
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, OTHER_ID, WHOLE


class QuestionIn(Input):
    question: QueryText
    collection_ids: CollectionIds = None
    filter: FilterIn | None = None
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX), WHOLE] | None = None
    stream: Annotated[
        bool | None,
        Field(description="Whether to answer with events; left out: as Accept says. It does not tell repeats apart."),
    ] = None


class CitationOut(TypedDict):
    """A verbatim part of a chunk: characters [start, end) of the document's text."""

    n: int
    document_id: UUID
    chunk_id: UUID
    quote: str
    page: int | None
    start: int
    end: int


class SourceOut(TypedDict):
    """A chunk that was found for the question, whether or not the answer cites it."""

    document_id: UUID
    collection_id: UUID
    chunk_id: UUID
    title: str
    score: float
    page: int | None
    start: int
    end: int


class AnswerOut(TypedDict):
    """`mode` says how the text came about: by a language model, of quotes alone, or not at all for want of evidence."""

    id: UUID
    question: str
    mode: AnswerMode
    text: str
    citations: list[CitationOut]
    model: str | None
    usage: dict[str, Any] | None
    took_ms: float
    created_at: Instant


def answer_out(view: AnswerView) -> AnswerOut:
    return {
        "id": view.id,
        "question": view.question,
        "mode": AnswerMode(view.mode),
        "text": view.text,
        "citations": [_citation(citation) for citation in view.citations],
        "model": view.model,
        "usage": None if view.usage is None else dict(view.usage),
        "took_ms": view.took_ms,
        "created_at": view.created_at,
    }


def answer_events(view: AnswerView) -> list[Event]:
    """The stream of an answer: what was found, the text in its sentences, each citation behind its first mark, the end.

    The events are the same for the same answer, ids included. The ids name the answer and, where parts of it were
    withdrawn since, what is left of it: a stream that was begun before is then told anew.
    """
    told: list[tuple[str, Any]] = []
    citations = {citation.n: citation for citation in view.citations}
    for part, numbers in marked_parts(view.text):
        told.append(("delta", {"text": part}))
        told += [("citation", _citation(citations.pop(n))) for n in numbers if n in citations]
    told += [("citation", _citation(citation)) for citation in citations.values()]
    told.append(("done", answer_out(view)))
    state = _state(view)
    events = [Event(f"{state}.{n}", name, data, last=name == "done") for n, (name, data) in enumerate(told, start=2)]
    return [_search_results(state, view.id, view.sources), *events]


def begun_event(answer_id: UUID, sources: Sequence[Source]) -> Event:
    """The first event of an answer that is still to be written."""
    return _search_results(_named(answer_id), answer_id, sources)


def _search_results(state: str, answer_id: UUID, sources: Sequence[Source]) -> Event:
    return Event(f"{state}.1", "search_results", {"answer_id": answer_id, "items": [_source(item) for item in sources]})


def _state(view: AnswerView) -> str:
    if not view.withdrawn:
        return _named(view.id)
    left = [view.text, [_citation(citation) for citation in view.citations], [_source(item) for item in view.sources]]
    return f"{_named(view.id)}.{sha256(json_bytes(left)).hexdigest()[:8]}"


def _named(answer_id: UUID) -> str:
    return answer_id.hex[-12:]


def _source(source: Source) -> SourceOut:
    return {
        "document_id": source.document_id,
        "collection_id": source.collection_id,
        "chunk_id": source.chunk_id,
        "title": source.title,
        "score": source.score,
        "page": source.page,
        "start": source.start,
        "end": source.end,
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
SOURCES: Final = {"type": "array", "items": TypeAdapter(SourceOut).json_schema()}
EVENT_SCHEMAS: Final[dict[str, Any]] = {
    "search_results": {
        "type": "object",
        "required": ["answer_id", "items"],
        "properties": {"answer_id": {"type": "string", "format": "uuid"}, "items": SOURCES},
    },
    "delta": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    "citation": {"$ref": "#/components/schemas/CitationOut"},
    "done": {"$ref": "#/components/schemas/AnswerOut"},
}
EVENTS: Final = f"""id: 2f6a8b1c4d70.1
event: search_results
data: {{"answer_id": "{EXAMPLE_ID}", "items": [{{"document_id": "{EXAMPLE_ID}", "title": "Leave", …}}]}}

id: 2f6a8b1c4d70.2
event: delta
data: {{"text": "“Everyone has thirty days of leave a year.” [1]"}}

id: 2f6a8b1c4d70.3
event: citation
data: {{"n": 1, "document_id": "{EXAMPLE_ID}", "quote": "Everyone has thirty days of leave a year.", …}}

id: 2f6a8b1c4d70.4
event: done
data: {{"id": "{EXAMPLE_ID}", "mode": "extractive", …}}

"""
