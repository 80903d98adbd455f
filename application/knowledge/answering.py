"""Answers with proof: written by a language model or made of quotes, and none where the evidence is too little."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from application.knowledge.evidence import Evidence, Quote
from application.knowledge.ports import ChunkHit, Completion, KnowledgeWork, LanguageModel, Passage
from application.knowledge.retriever import Retriever
from application.knowledge.search import LIMIT_MAX, Found, SearchQuery, check_text
from application.knowledge.sight import seen_document
from application.knowledge.views import AnswerView
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.knowledge.answer_texts import TOO_LITTLE, quoted_text, remaining
from domain.knowledge.answers import Answer, AnswerMode, Citation, Source
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
Begun = Callable[[UUID, tuple[Source, ...]], None]
"""Told the id that an answer will have and what was found for it, before anything is written."""

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

    async def ask(
        self,
        actor: Actor,
        *,
        question: str,
        collection_ids: Sequence[UUID] | None = None,
        filter: object | None = None,
        limit: int | None = None,
        begun: Begun | None = None,
        repeat: Repeat | None = None,
    ) -> AnswerView:
        """Answer from what the actor may read. `limit` is the number of chunks to look at, 8 unless told.

        With too little evidence the mode is `abstained`; without a language model, or where it is down or cites
        nothing that holds, it is `extractive`. A repeat gives the first answer again, as the actor may see it by now.
        """
        actor.require(Permission.ANSWERS)
        text = check_text(question, "/question")
        if limit is not None and not 1 <= limit <= LIMIT_MAX:
            raise Invalid(violations=[Violation("/limit", "out_of_range", f"Use 1 to {LIMIT_MAX}.")])
        query = SearchQuery(
            query=text, limit=min(limit or PASSAGES, PASSAGES_MAX), collection_ids=collection_ids, filter=filter
        )
        view = await self._answered(actor, query, begun, repeat=repeat)
        return await self.get(actor, view.id) if repeat is not None and repeat.replayed else view

    async def get(self, actor: Actor, answer_id: UUID) -> AnswerView:
        """One of the actor's own answers, without quotes of documents that are gone or out of reach by now."""
        actor.require(Permission.ANSWERS)
        async with self._work(Operation("answer.get", actor)) as uow:
            answer = await uow.answers.get(answer_id)
            if answer.owner_id != actor.user_id:
                raise NotFound()
            behind = {citation.document_id for citation in answer.citations}
            gone = await _out_of_reach(uow, actor, behind | {source.document_id for source in answer.sources})
        mode, text, citations = remaining(answer.mode, answer.text, answer.citations, gone)
        sources = tuple(source for source in answer.sources if source.document_id not in gone)
        seen = replace(AnswerView.of(answer), mode=mode.value, text=text, citations=citations, sources=sources)
        return replace(seen, withdrawn=bool(gone))

    @repeatable
    async def _answered(
        self, actor: Actor, query: SearchQuery, begun: Begun | None, *, repeat: Repeat | None
    ) -> AnswerView:
        started = time.perf_counter()
        async with self._work(Operation("answer.ask", actor, repeat, outside=True)) as uow:
            findings = await self._retriever.find(uow, actor, query)
            answer_id, sources = new_id(), tuple(_source(found) for found in findings.items)
            if begun is not None:
                begun(answer_id, sources)
            draft = await self._draft(query.query, [found.chunk for found in findings.items])
            seconds = time.perf_counter() - started
            answer = self._answer(actor, query.query, answer_id, sources, draft, seconds)
            uow.answers.add(answer)
            return await uow.commit(AnswerView.of(answer))

    def _answer(
        self,
        actor: Actor,
        question: str,
        answer_id: UUID,
        sources: tuple[Source, ...],
        draft: Draft,
        seconds: float,
    ) -> Answer:
        return Answer.give(
            answer_id=answer_id,
            owner_id=actor.user_id,
            question=question,
            mode=draft.mode,
            text=draft.text,
            citations=draft.citations,
            model=draft.completion.model if draft.completion else None,
            usage=draft.completion.usage if draft.completion else None,
            took_ms=round(seconds * 1000, 3),
            sources=sources,
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


def _source(found: Found) -> Source:
    chunk = found.chunk
    return Source(
        document_id=chunk.document_id,
        collection_id=chunk.collection_id,
        chunk_id=chunk.id,
        title=chunk.title,
        score=found.score,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
    )


async def _out_of_reach(uow: KnowledgeWork, actor: Actor, document_ids: Iterable[UUID]) -> frozenset[UUID]:
    wanted, gone = list(document_ids), set()
    await uow.documents.find_many(wanted)
    for document_id in wanted:
        try:
            await seen_document(uow, actor, document_id)
        except NotFound:
            gone.add(document_id)
    return frozenset(gone)
