"""Journal entries of what changes no aggregate: refusals that are counted, and keys that are changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.shared.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One entry to be. `before` and `after` are plain JSON without personal values and secrets."""

    operation: str
    actor: Actor
    target_type: str
    target_id: str
    outcome: str = "success"
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class Notes(Protocol):
    async def write(self, notes: Sequence[Note]) -> None:
        """Make an entry of each, all in one transaction of their own. Raises Unavailable, and then there is none."""
