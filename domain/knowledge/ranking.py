"""How a chunk's keyword score and its cosine become one rank: the rule in plain Python, the oracle of faster forms.

BM25 after Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

KEYWORD_WEIGHT = 0.45
"""What the best keyword score counts against a cosine of 1."""

KEYWORD_DEPTH = 1000
"""Keyword candidates of every query, whatever the page: a depth that moved with the page would not partition."""

VECTOR_DEPTH = 2000
"""Vector candidates of every query."""

TERM_SATURATION = 1.2
"""BM25's k1."""

LENGTH_NORMALISATION = 0.75
"""BM25's b."""


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """Counts over the chunks that the caller may read, and no others: how many, and their mean length in terms."""

    chunks: int
    mean_length: float

    def rarity(self, document_frequency: int) -> float:
        """BM25's inverse document frequency; above 0 for every term, those of each chunk included."""
        return math.log1p((self.chunks - document_frequency + 0.5) / (document_frequency + 0.5))

    def weight(self, frequency: int, length: int, document_frequency: int) -> float:
        """What a term occurring `frequency` times adds to the score of a chunk of `length` terms."""
        relative_length = length / self.mean_length
        damping = TERM_SATURATION * (1 - LENGTH_NORMALISATION + LENGTH_NORMALISATION * relative_length)
        return self.rarity(document_frequency) * frequency / (frequency + damping)


def fuse(cosines: Mapping[int, float], keyword_scores: Mapping[int, float]) -> list[tuple[int, float]]:
    """Rank chunks by cosine + .45 · keyword score / best keyword score, best first, ties by ascending number.

    Both mappings hold the exact score of every candidate of either side: a side that did not find a chunk is asked
    for its score, never taken as 0. Without any keyword score above 0 the cosine alone decides.
    """
    best = max(keyword_scores.values(), default=0.0)
    share = KEYWORD_WEIGHT / best if best > 0 else 0.0
    fused = [(number, cosine + share * keyword_scores[number]) for number, cosine in cosines.items()]
    return sorted(fused, key=lambda item: (-item[1], item[0]))
