"""From a chunk's number to its slot. Numbers mostly arrive ascending, so a few runs of slots cover them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Slots = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Slots [start, stop). Their numbers ascend, or do so when taken in `order` (relative to `start`)."""

    start: int
    stop: int
    order: Slots | None = None

    def __len__(self) -> int:
        return self.stop - self.start


def extended(runs: tuple[Run, ...], numbers: Numbers, start: int) -> tuple[Run, ...]:
    """Runs that also cover the slots from `start` to the end of `numbers`. Their count stays logarithmic."""
    if start == len(numbers):
        return runs
    run = _run(numbers, start, len(numbers))
    while runs and (_continues(runs[-1], run, numbers) or len(runs[-1]) < 4 * len(run)):
        run = _run(numbers, runs[-1].start, run.stop)
        runs = runs[:-1]
    return (*runs, run)


def find(held: Numbers, live: npt.NDArray[np.bool_], runs: tuple[Run, ...], numbers: Numbers) -> Slots:
    """The live slot of each of `numbers` among `held`, -1 where there is none."""
    found = np.full(len(numbers), -1, dtype=np.intp)
    for run in runs:
        inside = held[run.start : run.stop]
        place = _places(inside, run.order, numbers)
        slots = place if run.order is None else run.order.take(place)
        hit = inside.take(slots) == numbers
        slots = slots + run.start
        hit &= live.take(slots)
        np.copyto(found, slots, where=hit)
    return found


def _places(inside: Numbers, order: Slots | None, numbers: Numbers) -> Slots:
    """Where each number would stand in a run. Of slots that had the same number the last: only it can be live."""
    if order is None and inside[-1] - inside[0] == len(inside) - 1:  # none is missing between
        place = np.minimum(numbers - inside[0], len(inside) - 1)
    else:
        place = np.searchsorted(inside, numbers, side="right", sorter=order) - 1
    places: Slots = np.maximum(place, 0)
    return places


def _continues(run: Run, following: Run, numbers: Numbers) -> bool:
    ascending = run.order is None and following.order is None
    return ascending and bool(numbers[following.start - 1] < numbers[following.start])


def _run(numbers: Numbers, start: int, stop: int) -> Run:
    inside = numbers[start:stop]
    if bool((inside[1:] > inside[:-1]).all()):
        return Run(start, stop)
    return Run(start, stop, np.argsort(inside, kind="stable"))
