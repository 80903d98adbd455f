"""Allowed sets as slots: worked out once per set and state of the index, in the form that suits its width."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NARROW = 20_000
"""Up to so many allowed slots a search looks at each of them."""

FEW_SPANS = 32
FEW_HIDDEN = 1 / 64


@dataclass(frozen=True, slots=True, eq=False)
class AllowedSlots:
    """The allowed slots of one index state. None stands for a form that would not pay.

    `mask` (size,) is None where every slot is allowed; `hidden` are the others, where they are few; `slots` the
    allowed ones, where they are few; `spans` (m, 2) their stretches [start, stop), where those are few. Wide
    sets that hide few slots have no `spans`.
    """

    count: int
    mask: npt.NDArray[np.bool_] | None
    hidden: npt.NDArray[np.intp] | None
    slots: npt.NDArray[np.intp] | None
    spans: npt.NDArray[np.int32] | None


def allowed_slots(mask: npt.NDArray[np.bool_]) -> AllowedSlots:
    """The forms of a mask (size,)."""
    count = int(np.count_nonzero(mask))
    hides = len(mask) - count
    few = 0 < hides <= len(mask) * FEW_HIDDEN
    return AllowedSlots(
        count=count,
        mask=mask if hides else None,
        hidden=np.flatnonzero(~mask) if few else None,
        slots=np.flatnonzero(mask) if count <= NARROW else None,
        spans=_spans(mask) if count > 0 and (count <= NARROW or not few) else None,
    )


def _spans(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32] | None:
    edges = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    if len(edges) > 2 * FEW_SPANS:
        return None
    bounds = np.concatenate(([0], edges, [len(mask)]))
    spans = np.stack((bounds[:-1], bounds[1:]), axis=1)
    return spans[mask[bounds[:-1]]].astype(np.int32)
