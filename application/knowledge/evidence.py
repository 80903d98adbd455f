"""Evidence: the sentences of found chunks that speak to a question, and those that bear out a claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import numpy.typing as npt

from application.knowledge.ports import ChunkHit
from application.knowledge.retrieval import Analyzer, Embedder
from application.shared.ports import Executor
from domain.knowledge.answers import Citation
from domain.knowledge.sentences import sentences
from domain.shared.errors import Unavailable

Terms = npt.NDArray[np.uint32]

CHUNKS = 5
"""Chunks, best first, whose sentences are weighed for a question."""
CANDIDATES = 32
"""Sentences that are embedded for one question: those that share most words with it."""
QUOTE_MIN = 20
"""Characters below which a piece is no evidence by itself: headings, numbers of lists."""
COVERAGE_WEIGHT = 0.2
"""What a sentence that holds all terms of a question counts against a cosine of 1."""
ENOUGH = 0.5
"""Score below which evidence is too little. Measured with MiniLM: 2 % of 200 questions that the collection can answer
fall below it (SciFact train, Cranfield), 96 % of 180 that it cannot."""
ENOUGH_WORDS = 0.5
"""The same by the share of terms alone, while no vector can be had."""
BEARS_OUT = 0.4
"""Score below which a sentence does not bear out a claim."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Characters [start, end) of a chunk's text, and how well they serve: cosine + .2 · share of the terms held."""

    chunk: ChunkHit
    start: int
    end: int
    score: float = 0.0

    @property
    def text(self) -> str:
        return self.chunk.text[self.start : self.end]

    @property
    def place(self) -> tuple[UUID, int]:
        """The same for one sentence in two chunks that overlap."""
        return self.chunk.document_id, self.chunk.start + self.start

    def citation(self, n: int) -> Citation:
        """The quote as citation number `n`, in characters of the document."""
        return Citation(
            n=n,
            document_id=self.chunk.document_id,
            chunk_id=self.chunk.id,
            quote=self.text,
            start=self.chunk.start + self.start,
            end=self.chunk.start + self.end,
            page=self.chunk.page,
        )


class Evidence:
    """Weighs sentences by meaning and words, or by words alone while the model is down."""

    def __init__(self, embedder: Embedder, analyzer: Analyzer, executor: Executor, enough: float = ENOUGH) -> None:
        self._embedder, self._analyzer, self._executor, self._enough = embedder, analyzer, executor, enough

    async def speaking_to(self, question: str, chunks: Sequence[ChunkHit]) -> list[Quote]:
        """Sentences of the first chunks that answer the question well enough, best first; none when nothing does."""
        candidates = await self._executor(lambda: self._candidates(question, chunks[:CHUNKS]))
        try:
            wanted = await self._embedder.query(question)
            vectors = await self._embedder.documents([quote.text for quote, _ in candidates])
        except Unavailable:
            scored = [(coverage, quote) for quote, coverage in candidates]
            least = ENOUGH_WORDS
        else:
            pairs = zip(vectors, candidates, strict=True)
            scored = [(float(vector @ wanted) + COVERAGE_WEIGHT * share, quote) for vector, (quote, share) in pairs]
            least = self._enough
        quotes = [replace(quote, score=score) for score, quote in scored if score >= least]
        return sorted(quotes, key=lambda quote: -quote.score)

    async def bearing_out(self, claims: Sequence[str], chunk: ChunkHit) -> Quote | None:
        """The sentence of a chunk that best supports one of the claims; None where none does."""
        quotes = list(_quotes(chunk)) or [Quote(chunk, 0, len(chunk.text))]
        shares = await self._executor(lambda: [self._shares(claim, quotes) for claim in claims])
        scores = COVERAGE_WEIGHT * np.array(shares)
        try:
            vectors = await self._embedder.documents([*claims, *(quote.text for quote in quotes)])
        except Unavailable:
            scores = scores * (BEARS_OUT / ENOUGH_WORDS / COVERAGE_WEIGHT)
        else:
            scores = scores + vectors[: len(claims)] @ vectors[len(claims) :].T
        best = scores.max(axis=0)
        place = int(best.argmax())
        return replace(quotes[place], score=float(best[place])) if best[place] >= BEARS_OUT else None

    def _candidates(self, question: str, chunks: Sequence[ChunkHit]) -> list[tuple[Quote, float]]:
        """Sentences with the share of the question's terms that each holds, in the order of the chunks."""
        places: dict[tuple[UUID, int], Quote] = {}
        asked = _folded(question) if _ends_as_question(question) else None
        for chunk in chunks:
            for quote in _quotes(chunk):
                if not _is_question(quote.text, asked):
                    places.setdefault(quote.place, quote)
        quotes = list(places.values())
        weighed = list(zip(quotes, self._shares(question, quotes), strict=True))
        best = sorted(range(len(weighed)), key=lambda place: -weighed[place][1])[:CANDIDATES]
        return [weighed[place] for place in sorted(best)]

    def _shares(self, text: str, quotes: Sequence[Quote]) -> list[float]:
        terms = self._analyzer.query(text)
        return [self._share(terms, quote.text) for quote in quotes]

    def _share(self, terms: Terms, text: str) -> float:
        return float(np.isin(terms, self._analyzer.query(text)).mean()) if len(terms) else 0.0


def _is_question(text: str, asked: str | None) -> bool:
    """Whether a sentence asks itself, or holds the question as it was asked: such a one is near and answers nothing."""
    return _ends_as_question(text) or (asked is not None and asked in _folded(text))


def _ends_as_question(text: str) -> bool:
    return text.rstrip("\"'”’)]» ").endswith(("?", "？"))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip("?？ ")


def _quotes(chunk: ChunkHit) -> Iterator[Quote]:
    for start, end in sentences(chunk.text):
        if end - start >= QUOTE_MIN:
            yield Quote(chunk, start, end)
