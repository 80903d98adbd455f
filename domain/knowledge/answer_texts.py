"""The words of answers: quotes in a row, and what is left of an answer when documents behind it are gone."""

from collections.abc import Sequence
from uuid import UUID

from domain.knowledge.answers import AnswerMode, Citation
from domain.knowledge.marks import without_claims_on

TOO_LITTLE = "The documents that you may read hold too little evidence to answer this."
WITHDRAWN = "The documents that this answer rested on are gone, or you may no longer read them."


def quoted_text(citations: Sequence[Citation]) -> str:
    """An extractive answer: each quote in quotation marks with its number, one a line."""
    return "\n".join(f"“{citation.quote}” [{citation.n}]" for citation in citations)


def remaining(
    mode: AnswerMode, text: str, citations: Sequence[Citation], gone: frozenset[UUID]
) -> tuple[AnswerMode, str, tuple[Citation, ...]]:
    """Mode, text and citations of an answer without its quotes of `gone` documents, and without what rests on them."""
    kept = tuple(citation for citation in citations if citation.document_id not in gone)
    if len(kept) == len(citations):
        return mode, text, kept
    if mode is AnswerMode.EXTRACTIVE and kept:
        return mode, quoted_text(kept), kept
    lost = frozenset(citation.n for citation in citations) - {citation.n for citation in kept}
    left = without_claims_on(text, lost) if kept else ""
    return (mode, left, kept) if left else (AnswerMode.ABSTAINED, WITHDRAWN, ())
