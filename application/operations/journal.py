"""Use cases on the journal's upkeep: where it stands, what reactions had to set aside, and what becomes of that."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from application.shared.journal import (
    REACTION_PREFIX,
    FollowerState,
    JournalOverview,
    JournalState,
    SetAside,
    SetAsides,
)
from application.shared.ports import Clock
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound

POISON_MAX = 1000


class JournalService:
    """For operators. `reactions` are the names of all reactions, those that have done nothing yet included."""

    def __init__(
        self, overview: JournalOverview, set_asides: SetAsides, clock: Clock, reactions: Collection[str]
    ) -> None:
        self._overview, self._set_asides, self._clock = overview, set_asides, clock
        self._reactions = reactions

    async def status(self, actor: Actor) -> JournalState:
        """Where the journal stands, with a follower for each reaction, named as the reaction is."""
        actor.require(Permission.OPERATIONS_READ)
        state = await self._overview.state()
        kept = [follower for follower in state.followers if follower.name.startswith(REACTION_PREFIX)]
        known = {follower.name.removeprefix(REACTION_PREFIX): follower for follower in kept}
        names = sorted({*known, *self._reactions})
        followers = [replace(known.get(name) or FollowerState(name=name, position=0), name=name) for name in names]
        return replace(state, followers=followers)

    async def poison(self, actor: Actor) -> Sequence[SetAside]:
        """Entries that reactions could not handle, at most `POISON_MAX`, each with the name of its reaction."""
        actor.require(Permission.OPERATIONS_READ)
        found = await self._set_asides.poison(POISON_MAX)
        return [replace(item, follower=item.follower.removeprefix(REACTION_PREFIX)) for item in found]

    async def retry(self, actor: Actor, reaction: str | None = None, position: int | None = None) -> int:
        """Have poison tried again within a second or two: one entry, all of a reaction, or all. How many entries.

        Raises NotFound where none of them is poison.
        """
        actor.require(Permission.OPERATIONS_READ)
        follower = None if reaction is None else f"{REACTION_PREFIX}{reaction}"
        count = await self._set_asides.renew(self._clock.now(), follower, position)
        if not count:
            raise NotFound("no_poison", "No entry of this reaction and position waits for an operator.")
        return count

    async def skip(self, actor: Actor, reaction: str, position: int) -> None:
        """Give an entry up for good, so that later ones of its target go on. Raises NotFound where it is not poison."""
        actor.require(Permission.OPERATIONS_READ)
        if not any((item.follower, item.position) == (reaction, position) for item in await self.poison(actor)):
            raise NotFound("no_poison", "No entry of this reaction and position waits for an operator.")
        await self._set_asides.remove(f"{REACTION_PREFIX}{reaction}", position)
