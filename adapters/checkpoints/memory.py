"""Copied heads of an installation that keeps nothing."""

from collections.abc import Sequence

from domain.audit.checkpoints import Checkpoint


class MemoryCheckpoints:
    """The port `Checkpoints` for tests and throw-away installations."""

    def __init__(self) -> None:
        self._heads: list[Checkpoint] = []

    async def latest(self) -> Checkpoint | None:
        return self._heads[-1] if self._heads else None

    async def all(self) -> Sequence[Checkpoint]:
        return list(self._heads)

    async def append(self, heads: Sequence[Checkpoint]) -> None:
        known = self._heads[-1].number if self._heads else 0
        self._heads += [head for head in heads if head.number > known]
