"""Which segments should become one, and when dead slots are worth giving up."""

from collections.abc import Sequence

from adapters.indexing.slots import SlotView
from adapters.keywords.bm25.segments import SLOTS_AT_MOST, Segment

GROWTH = 3
"""A segment is left alone while it has so many times the postings of all that follow it: few segments, few merges."""

DEAD_AT_LEAST = 1000
DEAD_SHARE = 0.25


def due_for_merging(segments: Sequence[Segment]) -> Sequence[Segment]:
    """The last segments, as many as should become one; none where they are well as they are."""
    start = len(segments) - 1
    postings, size = (len(segments[-1]), segments[-1].size) if segments else (0, 0)
    while start > 0 and len(segments[start - 1]) <= GROWTH * postings:
        start -= 1
        postings += len(segments[start])
        size += segments[start].size
    return segments[start:] if start < len(segments) - 1 and size <= SLOTS_AT_MOST else ()


def due_for_compaction(slots: SlotView, dead_at_least: int) -> bool:
    """Whether so many slots are dead that the chunks should move together."""
    return slots.dead >= dead_at_least and slots.dead > DEAD_SHARE * slots.size and len(slots) <= SLOTS_AT_MOST
