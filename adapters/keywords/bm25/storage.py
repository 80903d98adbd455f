"""Snapshots of the keyword index: one file per segment, which later snapshots share, and one for the columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from adapters.indexing.slots import Columns
from adapters.indexing.snapshots import Header, Publication, SnapshotFolder, StoredFile
from adapters.keywords.bm25.scoring import Bm25View
from adapters.keywords.bm25.segments import Segment
from application.knowledge.retrieval import Scores

KIND = "keywords"
ATTEMPTS = 5
"""A snapshot can be replaced while it is being mapped; the next one is there then."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was published as of `position`."""

    position: int
    columns: Columns
    collections: Sequence[UUID]
    lengths: Scores
    segments: tuple[Segment, ...]


def save(folder: Path, analyzer_version: str, position: int, view: Bm25View) -> tuple[Segment, ...]:
    """Publish a view; gives its segments as mapped from the snapshot. A newer snapshot is left as it is."""
    place = SnapshotFolder(folder, KIND, {"analyzer_version": analyzer_version})
    with place.publishing() as publication:
        if not publication.supersedes(position):
            return view.segments
        stored = [_stored(segment, publication) for segment in view.segments]
        columns = publication.write({**view.slots.columns(), "lengths": view.lengths})
        details = {
            "collections": [str(each) for each in view.slots.ordinals],
            "segments": [[segment.first, segment.size] for segment in view.segments],
        }
        publication.publish(position, details, (columns, *stored))
        return tuple(
            segment if segment.stored == file else _mapped(place, file, segment.first, segment.size)
            for segment, file in zip(view.segments, stored, strict=True)
        )


def load(folder: Path, analyzer_version: str, latest: int | None) -> Snapshot | None:
    """The published snapshot; None where there is none that fits."""
    place = SnapshotFolder(folder, KIND, {"analyzer_version": analyzer_version})
    for _ in range(ATTEMPTS):
        if (header := place.header_until(latest)) is None:
            return None
        try:
            return _snapshot(place, header)
        except FileNotFoundError:
            continue
    return None


def _snapshot(place: SnapshotFolder, header: Header) -> Snapshot:
    first, *stored = header.files
    columns = place.map(first)
    lengths = columns.pop("lengths")
    places = header.details["segments"]
    return Snapshot(
        position=header.position,
        columns=columns,
        collections=[UUID(each) for each in header.details["collections"]],
        lengths=lengths,
        segments=tuple(_mapped(place, file, *where) for file, where in zip(stored, places, strict=True)),
    )


def _stored(segment: Segment, publication: Publication) -> StoredFile:
    if segment.stored is not None and publication.holds(segment.stored):
        return segment.stored
    return publication.write({name: getattr(segment, name) for name in ("terms", "starts", "slots", "frequencies")})


def _mapped(place: SnapshotFolder, file: StoredFile, first: int, size: int) -> Segment:
    return Segment(first=first, size=size, stored=file, **place.map(file))
