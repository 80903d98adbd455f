"""Keeps this process's indexes in step with the journal, and publishes snapshots for the next start."""

import time

from loguru import logger

from application.knowledge.index_feed import INDEXED, IndexFeed
from application.shared.ports import Leases
from entrypoints.worker.news import JournalNews

FOLLOW_EVERY = 0.1
SAVE_EVERY = 30.0
SAVE_LEASE = "index.snapshot"
SAVE_LEASE_SECONDS = 300.0
CHANGES_WORTH_SAVING = 2000
"""Entries behind which a start is quicker from a new snapshot than by catching up."""

SLOW_START = 2.0
"""Seconds from which a start says that the snapshot was missing or old, so that a new one is worth it at once."""


class IndexKeeper:
    """Follows and saves; of several processes one writes snapshots at a time."""

    def __init__(self, feed: IndexFeed, news: JournalNews, leases: Leases, holder: str) -> None:
        self._feed, self._news, self._leases, self._holder = feed, news, leases, holder
        self._saved = 0
        self._looked = time.monotonic()

    async def start(self) -> None:
        """Load the newest snapshot or the rows; searches answer from then on."""
        began = time.perf_counter()
        await self._feed.start()
        seconds = round(time.perf_counter() - began, 3)
        self._saved = self._feed.position if seconds < SLOW_START else -CHANGES_WORTH_SAVING
        logger.bind(position=self._feed.position, seconds=seconds).info("index ready")

    async def step(self) -> bool:
        await self._feed.follow(await self._news.after(self._feed.position, INDEXED))
        if time.monotonic() - self._looked >= SAVE_EVERY:
            self._looked = time.monotonic()
            await self.save(at_least=CHANGES_WORTH_SAVING)
        return self._feed.position < await self._news.head()

    async def save(self, at_least: int = 1) -> None:
        """Publish a snapshot when so much has changed since the last one and nobody else is at it."""
        if self._feed.position - self._saved < at_least:
            return
        if not await self._leases.hold(SAVE_LEASE, self._holder, SAVE_LEASE_SECONDS):
            return
        try:
            await self._feed.save()
            self._saved = self._feed.position
        finally:
            await self._leases.release(SAVE_LEASE, self._holder)
