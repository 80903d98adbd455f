"""Answers: text that rests on quotes, each a verbatim part of a chunk that the asker may read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.values import Instant


class AnswerMode(StrEnum):
    GENERATED = "generated"
    EXTRACTIVE = "extractive"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Quote number `n` of an answer: characters [start, end) of the document's text, a substring of the chunk."""

    n: int
    document_id: UUID
    chunk_id: UUID
    quote: str
    start: int
    end: int
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A chunk that was found for a question, whether or not the answer cites it."""

    document_id: UUID
    collection_id: UUID
    chunk_id: UUID
    title: str
    score: float
    start: int
    end: int
    page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered(DomainEvent):
    name: ClassVar[str] = "knowledge.question_answered.v1"
    answer_id: UUID
    mode: AnswerMode


@dataclass(eq=False, slots=True, kw_only=True)
class Answer(Aggregate):
    """A kept answer. It belongs to its asker alone. `sources` are what it was sought in, best first."""

    owner_id: UUID | None
    question: str
    mode: AnswerMode
    text: str
    citations: tuple[Citation, ...] = ()
    model: str | None = None
    usage: Mapping[str, Any] | None = field(default=None)
    took_ms: float = 0.0
    sources: tuple[Source, ...] = ()

    @classmethod
    def give(
        cls,
        *,
        answer_id: UUID,
        owner_id: UUID | None,
        question: str,
        mode: AnswerMode,
        text: str,
        citations: tuple[Citation, ...],
        model: str | None,
        usage: Mapping[str, Any] | None,
        took_ms: float,
        sources: tuple[Source, ...],
        at: Instant,
    ) -> "Answer":
        answer = cls(
            id=answer_id,
            created_at=at,
            updated_at=at,
            owner_id=owner_id,
            question=question,
            mode=mode,
            text=text,
            citations=citations,
            model=model,
            usage=usage,
            took_ms=took_ms,
            sources=sources,
        )
        answer.record(QuestionAnswered(answer_id=answer.id, mode=mode, at=at))
        return answer
