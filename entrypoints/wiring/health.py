"""Whether this process can do its work, for load balancers."""

from typing import Any, Protocol

from domain.shared.errors import FastOpsError


class Feed(Protocol):
    ready: bool


class Health:
    """Asked by `/readyz`. A part that merely makes answers poorer, such as a language model, does not count."""

    def __init__(self, journal: Any, feed: Feed) -> None:
        self._journal, self._feed = journal, feed
        self.stopping = False
        """Whether requests should go elsewhere."""
        self.finishing = False
        """Whether what has no end of its own must come to one."""

    async def ready(self) -> dict[str, str]:
        """The state of each needed part: `up`, or a word for what is wrong."""
        return {
            "service": "stopping" if self.stopping else "up",
            "database": await self._database(),
            "index": "up" if self._feed.ready else "loading",
        }

    async def _database(self) -> str:
        try:
            await self._journal.head()
        except FastOpsError:
            return "down"
        return "up"
