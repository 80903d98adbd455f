"""Snapshots of the embedded vector index: the matrix, which grows in place, the sign codes and the columns."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from adapters.indexing.slots import Columns, Slots
from adapters.indexing.snapshots import Header, Publication, SnapshotFolder, StoredFile
from adapters.vectors.embedded.matrix import Part
from adapters.vectors.embedded.recall import Trust
from adapters.vectors.embedded.searching import EmbeddedView
from application.knowledge.retrieval import Matrix

KIND = "vectors"
ATTEMPTS = 5
"""A snapshot can be replaced while it is being mapped; the next one is there then."""

COPIED_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Stored:
    """A mapped matrix with its codes, and the file of the matrix."""

    part: Part
    file: StoredFile


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was published as of `position`."""

    position: int
    columns: Columns
    collections: Sequence[UUID]
    matrix: Stored
    trust: Trust


class Storage:
    """Where one index saves and loads. Vectors of another model or dimension are no use to it."""

    def __init__(self, folder: Path, model: str, dimension: int) -> None:
        self._place = SnapshotFolder(folder, KIND, {"model": model, "dimension": dimension})

    def save(
        self, position: int, view: EmbeddedView, trust: Trust, *, base: StoredFile | None, order: Slots | None
    ) -> Stored | None:
        """Publish a view, or only the slots of `order` in that order; None where a newer snapshot stands.

        Rows that are mapped from `base` are not written again where the snapshot that stands consists of that file.
        """
        with self._place.publishing() as publication:
            if not publication.supersedes(position):
                return None
            matrix = _matrix_file(publication, view, base, order)
            words = zip(*(part.codes for part in view.matrix.parts), strict=True)
            codes = np.stack([_ordered(np.concatenate(columns), order) for columns in words])
            columns = {name: _ordered(column, order) for name, column in view.slots.columns().items()}
            files = (matrix, publication.write({"codes": codes}), publication.write(columns))
            details = {
                "collections": [str(each) for each in view.slots.ordinals],
                "trust": {**asdict(trust), "failing": sorted(map(str, trust.failing))},
            }
            publication.publish(position, details, files)
            return self._stored(*files[:2])

    def load(self, latest: int | None) -> Snapshot | None:
        """The published snapshot; None where there is none that fits."""
        for _ in range(ATTEMPTS):
            if (header := self._place.header_until(latest)) is None:
                return None
            try:
                return self._snapshot(header)
            except FileNotFoundError:
                continue
        return None

    def _snapshot(self, header: Header) -> Snapshot:
        matrix, codes, columns = header.files
        trust = header.details["trust"]
        return Snapshot(
            position=header.position,
            columns=self._place.map(columns),
            collections=[UUID(each) for each in header.details["collections"]],
            matrix=self._stored(matrix, codes),
            trust=Trust(**{**trust, "failing": frozenset(map(UUID, trust["failing"]))}),
        )

    def _stored(self, matrix: StoredFile, codes: StoredFile) -> Stored:
        rows = self._place.map(matrix)["rows"]
        return Stored(Part(rows, tuple(self._place.map(codes)["codes"])), matrix)


def _matrix_file(
    publication: Publication, view: EmbeddedView, base: StoredFile | None, order: Slots | None
) -> StoredFile:
    mapped, *later = view.matrix.parts
    if order is not None:
        return publication.append(publication.write({"rows": mapped.rows[:0]}), _blocks(view, order))
    if base is None or not publication.holds(base):
        base = publication.write({"rows": mapped.rows})
    return publication.append(base, [part.rows for part in later])


def _blocks(view: EmbeddedView, order: Slots) -> Iterator[Matrix]:
    for start in range(0, len(order), COPIED_AT_ONCE):
        yield view.matrix.gathered(order[start : start + COPIED_AT_ONCE]).rows


def _ordered(column: npt.NDArray[Any], order: Slots | None) -> npt.NDArray[Any]:
    return column if order is None else column[order]
