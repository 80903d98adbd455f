"""The loops that keep the journal: sequencer, sealer, one follower per reaction, and the figures of all of them."""

from collections.abc import Iterator, Sequence

from adapters.telemetry.journal import show_journal
from application.shared.journal import ORDERED_PER_PASS, SEALED_PER_PASS, JournalOverview, Reaction
from entrypoints.worker.journal import JournalDuty, JournalParts
from entrypoints.worker.news import JournalNews
from entrypoints.worker.reactions import ReactionFollower
from entrypoints.worker.supervisor import Loop

ORDER_EVERY = 0.05
SEAL_EVERY = 0.5
REACT_EVERY = 0.2
FIGURES_EVERY = 5.0


class JournalUpkeep:
    """Of several processes on one database, the holder of the duty does the work; every one shows the figures."""

    def __init__(
        self,
        parts: JournalParts,
        overview: JournalOverview,
        duty: JournalDuty,
        reactions: Sequence[Reaction],
        followed: frozenset[str],
    ) -> None:
        """`followed` are the events that others ask `news` for."""
        self._parts, self._overview, self._duty, self._reactions = parts, overview, duty, reactions
        self._sealed = -1
        self.news = JournalNews(parts.journal, followed.union(*(reaction.events for reaction in reactions)))

    def loops(self) -> Iterator[Loop]:
        yield Loop("sequencer", self._order, ORDER_EVERY)
        yield Loop("sealer", self._seal, SEAL_EVERY)
        yield Loop("journal figures", self._show, FIGURES_EVERY)
        for reaction in self._reactions:
            follower = ReactionFollower(reaction, self._parts, self._duty, self.news)
            yield Loop(f"reaction {reaction.name}", follower.step, REACT_EVERY)

    async def _order(self) -> bool:
        return await self._duty.carry_out(self._parts.keeper.order) == ORDERED_PER_PASS

    async def _seal(self) -> bool:
        if not await self._duty.is_mine():
            self._sealed = -1
            return False
        head = await self.news.head()
        if head == self._sealed:
            return False
        sealed = await self._duty.carry_out(self._parts.keeper.seal)
        if not sealed:  # up to here there is nothing left to seal
            self._sealed = head
        return sealed == SEALED_PER_PASS

    async def _show(self) -> bool:
        show_journal(await self._overview.state())
        return False
