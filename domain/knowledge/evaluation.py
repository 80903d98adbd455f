"""Measures of a ranking against relevance judgements, as trec_eval counts them.

Judgements map a document to its gain, 0 for judged irrelevant; documents without one count as irrelevant. Each measure
lies between 0 and 1 and is 0 where nothing is relevant. A document that is ranked twice counts at its first place.
"""

import math
from collections.abc import Mapping, Sequence

Judgements = Mapping[str, int]


def ndcg(ranked: Sequence[str], judgements: Judgements, depth: int) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002), with linear gain and log2 discount."""
    gains = [max(judgements.get(document, 0), 0) for document in _distinct(ranked)[:depth]]
    best = sorted((gain for gain in judgements.values() if gain > 0), reverse=True)[:depth]
    ideal = _discounted(best)
    return _discounted(gains) / ideal if ideal else 0.0


def recall(ranked: Sequence[str], judgements: Judgements, depth: int) -> float:
    """The share of all relevant documents that stand in the first `depth` places."""
    relevant = _relevant(judgements)
    found = relevant.intersection(_distinct(ranked)[:depth])
    return len(found) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], judgements: Judgements, depth: int) -> float:
    """One over the place of the first relevant document, 0 where there is none in the first `depth`."""
    relevant = _relevant(judgements)
    places = (place for place, document in enumerate(_distinct(ranked)[:depth], start=1) if document in relevant)
    first = next(places, None)
    return 1.0 / first if first else 0.0


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean, 0 of nothing."""
    return math.fsum(values) / len(values) if values else 0.0


def _relevant(judgements: Judgements) -> frozenset[str]:
    return frozenset(document for document, gain in judgements.items() if gain > 0)


def _distinct(ranked: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(ranked))


def _discounted(gains: Sequence[int]) -> float:
    return math.fsum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
