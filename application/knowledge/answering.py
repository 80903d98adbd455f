"""Answers with proof: written by a language model or made of quotes, and none where the evidence is too little."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from application.knowledge.evidence import Evidence, Quote
from application.knowledge.ports import ChunkHit, Completion, KnowledgeWork, LanguageModel, Passage
from application.knowledge.retriever import Retriever
from application.knowledge.search import LIMIT_MAX, SearchQuery, check_text
from application.knowledge.sight import seen_document
from application.knowledge.views import AnswerView
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.knowledge.answer_texts import TOO_LITTLE, quoted_text, remaining
from domain.knowledge.answers import Answer, AnswerMode, Citation
from domain.knowledge.marks import claims, renumbered, without_claims_on
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Invalid, NotFound, Unavailable, Violation
from domain.shared.values import new_id

PASSAGES = 8
PASSAGES_MAX = 20
QUOTES_MAX = 3
QUOTE_MARGIN = 0.15
"""How far behind the best quote another one may be and still be part of an extractive answer."""
TEXT_MAX = 8000
NO_ANSWER = re.compile(r"\W*NO_ANSWER\b")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before it is kept."""

    mode: AnswerMode
    text: str
    citations: tuple[Citation, ...] = ()
    completion: Completion | None = None


class AnswerService:
    """Every quote that leaves is a verbatim part of a chunk that the asker may read: it is cut out of it here."""

    def __init__(
        self,
        work: Work[KnowledgeWork],
        retriever: Retriever,
        evidence: Evidence,
        model: LanguageModel,
        clock: Clock,
    ) -> None:
        self._work, self._retriever, self._evidence = work, retriever, evidence
        self._model, self._clock = model, clock

    @repeatable
    async def ask(
        self,
        actor: Actor,
        *,
        question: str,
        collection_ids: Sequence[UUID] | None = None,
        filter: object | None = None,
        limit: int | None = None,
        repeat: Repeat | None = None,
    ) -> AnswerView:
        """Answer from what the actor may read. `limit` is the number of chunks to look at, 8 unless told.

        With too little evidence the mode is `abstained`; without a language model, or where it is down or cites
        nothing that holds, it is `extractive`.
        """
        actor.require(Permission.ANSWERS)
        began = time.perf_counter()
        text = check_text(question, "/question")
        if limit is not None and not 1 <= limit <= LIMIT_MAX:
            raise Invalid(violations=[Violation("/limit", "out_of_range", f"Use 1 to {LIMIT_MAX}.")])
        query = SearchQuery(
            query=text, limit=min(limit or PASSAGES, PASSAGES_MAX), collection_ids=collection_ids, filter=filter
        )
        async with self._work(Operation("answer.ask", actor, repeat)) as uow:
            findings = await self._retriever.find(uow, actor, query)
            draft = await self._draft(text, [found.chunk for found in findings.items])
            answer = self._answer(actor, text, draft, time.perf_counter() - began)
            uow.answers.add(answer)
            return await uow.commit(AnswerView.of(answer))

    async def get(self, actor: Actor, answer_id: UUID) -> AnswerView:
        """One of the actor's own answers, without quotes of documents that are gone or out of reach by now."""
        actor.require(Permission.ANSWERS)
        async with self._work(Operation("answer.get", actor)) as uow:
            answer = await uow.answers.get(answer_id)
            if answer.owner_id != actor.user_id:
                raise NotFound()
            gone = await _out_of_reach(uow, actor, answer.citations)
        mode, text, citations = remaining(answer.mode, answer.text, answer.citations, gone)
        return replace(AnswerView.of(answer), mode=mode.value, text=text, citations=citations)

    def _answer(self, actor: Actor, question: str, draft: Draft, seconds: float) -> Answer:
        return Answer.give(
            answer_id=new_id(),
            owner_id=actor.user_id,
            question=question,
            mode=draft.mode,
            text=draft.text,
            citations=draft.citations,
            model=draft.completion.model if draft.completion else None,
            usage=draft.completion.usage if draft.completion else None,
            took_ms=round(seconds * 1000, 3),
            at=self._clock.now(),
        )

    async def _draft(self, question: str, chunks: Sequence[ChunkHit]) -> Draft:
        quotes = await self._evidence.speaking_to(question, chunks)
        if not quotes:
            return Draft(AnswerMode.ABSTAINED, TOO_LITTLE)
        passages = [Passage(n, chunk.title, chunk.text) for n, chunk in enumerate(chunks, start=1)]
        try:
            completion = await self._model.answer(question, passages)
        except Unavailable:
            return _of_quotes(quotes)
        if NO_ANSWER.match(completion.text):
            return Draft(AnswerMode.ABSTAINED, TOO_LITTLE, completion=completion)
        return await self._generated(completion, chunks) or _of_quotes(quotes)

    async def _generated(self, completion: Completion, chunks: Sequence[ChunkHit]) -> Draft | None:
        """The model's text with the marks that hold, numbered anew; None where none does.

        What rests on marks alone that do not hold is left out: nothing in the chunks says it.
        """
        text = _CONTROLS.sub("", completion.text)[:TEXT_MAX]
        behind: dict[int, list[str]] = {}
        for claim in claims(text):
            for number in claim.numbers:
                behind.setdefault(number, []).append(claim.text)
        numbers: dict[int, int] = {}
        citations: list[Citation] = []
        for number, texts in behind.items():
            if 1 <= number <= len(chunks) and (quote := await self._evidence.bearing_out(texts, chunks[number - 1])):
                numbers[number] = len(citations) + 1
                citations.append(quote.citation(numbers[number]))
        if not citations:
            return None
        refuted = frozenset(behind) - set(numbers)
        kept = without_claims_on(text, refuted) if refuted else text
        return Draft(AnswerMode.GENERATED, renumbered(kept, numbers), tuple(citations), completion)


def _of_quotes(quotes: Sequence[Quote]) -> Draft:
    """The best quotes, each text once."""
    distinct: dict[str, Quote] = {}
    for quote in quotes:
        if quote.score >= quotes[0].score - QUOTE_MARGIN:
            distinct.setdefault(quote.text, quote)
    chosen = list(distinct.values())[:QUOTES_MAX]
    citations = tuple(quote.citation(n) for n, quote in enumerate(chosen, start=1))
    return Draft(AnswerMode.EXTRACTIVE, quoted_text(citations), citations)


async def _out_of_reach(uow: KnowledgeWork, actor: Actor, citations: Sequence[Citation]) -> frozenset[UUID]:
    gone = set()
    for document_id in {citation.document_id for citation in citations}:
        try:
            await seen_document(uow, actor, document_id)
        except NotFound:
            gone.add(document_id)
    return frozenset(gone)
