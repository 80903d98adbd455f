"""The loops of a service: journal, index, jobs, keys and copied heads, started together and stopped in order."""

import asyncio
from typing import TYPE_CHECKING, Any

from loguru import logger

from adapters.telemetry.audit import DIFFERS
from application.audit.copying import TrailDiffers
from application.identity.federation_ports import SpentProofs
from application.identity.mail_requests import ACCOUNT_MAIL
from application.knowledge.index_feed import INDEXED
from application.operations.exports import EXPORT
from application.shared.ports import RepeatUpkeep
from domain.shared.errors import FastOpsError
from entrypoints.worker.index import FOLLOW_EVERY, IndexKeeper
from entrypoints.worker.ingest_process import IngestProcess
from entrypoints.worker.jobs import LOOK_EVERY, IngestWorker
from entrypoints.worker.journal import JournalDuty
from entrypoints.worker.small_jobs import SMALL_JOBS_EVERY, SmallJobWorker
from entrypoints.worker.supervisor import Loop, Supervisor
from entrypoints.worker.upkeep import JournalUpkeep
from entrypoints.worker.verification import VerificationWorker

if TYPE_CHECKING:
    from entrypoints.wiring.container import Container

KEYS_EVERY = 5.0
FORGET_EVERY = 60.0
FORGET_AT_ONCE = 500
VERIFY_EVERY = 1.0
REFUSALS_EVERY = 1.0
COPY_EVERY = 1.0
ERASE_EVERY = 600.0


class Background:
    """What a service does beside answering requests."""

    def __init__(self, container: "Container", duty: JournalDuty, holder: str) -> None:
        self._container, self._duty = container, duty
        settings, persistence = container.settings(), container.persistence
        self._supervisor = Supervisor()
        self._warming: asyncio.Task[None] | None = None
        self._journal = JournalUpkeep(
            persistence.journal_parts(), persistence.journal_overview(), duty, container.reactions(), INDEXED
        )
        feed, leases = container.knowledge.index_feed(), persistence.leases()
        self._index = IndexKeeper(feed, self._journal.news, leases, holder)
        handlers = {ACCOUNT_MAIL: container.identity.account_mail().deliver, EXPORT: container.exports.service().build}
        self._small_jobs = SmallJobWorker(persistence.job_queue(), persistence.clock(), handlers, f"small:{holder}")
        self._verifications = VerificationWorker(
            container, persistence.job_queue(), persistence.clock(), f"audit:{holder}"
        )
        self._ingest: IngestProcess | None = None
        if settings.store == "memory":
            run = container.knowledge.ingest().run
            self._jobs = IngestWorker(persistence.job_queue(), persistence.clock(), run, holder).step
        else:
            self._ingest = IngestProcess(settings, persistence.job_queue(), persistence.clock())
            self._jobs = self._ingest.step

    async def start(self) -> None:
        """Load the index, then begin to follow, keep and work."""
        await self._index.start()
        supervisor = self._supervisor
        for loop in self._journal.loops():
            supervisor.start(loop)
        supervisor.start(Loop("index", self._index.step, FOLLOW_EVERY))
        supervisor.start(Loop("ingest", self._jobs, LOOK_EVERY))
        supervisor.start(Loop("small jobs", self._small_jobs.step, SMALL_JOBS_EVERY))
        supervisor.start(Loop("signing keys", self._refresh_keys, KEYS_EVERY))
        supervisor.start(Loop("repeats", self._forget_repeats, FORGET_EVERY))
        supervisor.start(Loop("verifications", self._verifications.step, VERIFY_EVERY))
        supervisor.start(Loop("refusals", self._write_refusals, REFUSALS_EVERY))
        supervisor.start(Loop("heads", self._copy_heads, COPY_EVERY))
        supervisor.start(Loop("spent proofs", self._forget_spent, FORGET_EVERY))
        supervisor.start(Loop("links and mails", self._forget_links, ERASE_EVERY))
        supervisor.start(Loop("orphan bytes", self._remove_orphans, ERASE_EVERY))
        supervisor.start(Loop("exports", self._forget_exports, ERASE_EVERY))
        supervisor.start(Loop("personal values", self._erase_old, ERASE_EVERY))
        self._warming = asyncio.create_task(_warm(self._container.retrieval.embedder()), name="warm the model")

    async def stop(self) -> None:
        """End the loops, let the ingest process finish, save the index and give the journal to others."""
        if self._warming is not None:
            self._warming.cancel()
        await self._supervisor.stop()
        if self._ingest is not None:
            await self._ingest.stop()
        await self._write_last_refusals()
        await copy_heads(self._container)
        await self._index.save()
        await self._duty.give_up()

    async def _refresh_keys(self) -> bool:
        await self._container.security.key_ring().refresh()
        return False

    async def _forget_repeats(self) -> bool:
        """Remove what was kept for repeats and has run out, in one process of each database."""
        upkeep: RepeatUpkeep = self._container.persistence.store()
        return await self._duty.is_mine() and await upkeep.forget_repeats(FORGET_AT_ONCE) == FORGET_AT_ONCE

    async def _write_refusals(self) -> bool:
        """Make entries of what was refused in the minutes that are over."""
        await self._container.audit.refusals().write()
        return False

    async def _write_last_refusals(self) -> None:
        try:
            await self._container.audit.refusals().write(everything=True)
        except FastOpsError as error:
            logger.bind(code=error.code).warning("refusals of the last minute are not in the trail: {}", error.detail)

    async def _copy_heads(self) -> bool:
        """Copy new heads of the trail out of the database, in every process."""
        try:
            more: bool = await self._container.audit.copying().step()
        except TrailDiffers:
            DIFFERS.set(1)
            raise
        DIFFERS.set(0)
        return more

    async def _forget_spent(self) -> bool:
        """Remove what nobody could use again any more, in one process of each database."""
        persistence = self._container.persistence
        if not await self._duty.is_mine():
            return False
        spent: SpentProofs = persistence.spent_proofs()
        return await spent.forget(persistence.clock().now(), FORGET_AT_ONCE) == FORGET_AT_ONCE

    async def _forget_links(self) -> bool:
        """Remove links that nobody has used, and mails that could not be sent."""
        return await self._duty.is_mine() and await self._container.identity.upkeep().forget()

    async def _remove_orphans(self) -> bool:
        """Remove bytes that were kept for documents which never came."""
        return await self._duty.is_mine() and await self._container.knowledge.orphans().sweep()

    async def _forget_exports(self) -> bool:
        """Remove exports that have expired."""
        return await self._duty.is_mine() and await self._container.exports.service().forget_expired()

    async def _erase_old(self) -> bool:
        """Erase personal values of the trail that are older than the settings allow."""
        return await self._duty.is_mine() and await self._container.audit.erasure().erase_old()


async def copy_heads(container: "Container") -> None:
    """Copy the heads that were sealed last; where that cannot be done, the next service does it."""
    try:
        while await container.audit.copying().step():
            continue
    except FastOpsError as error:
        logger.bind(code=error.code).warning("heads of the audit trail were not copied: {}", error.detail)


async def _warm(embedder: Any) -> None:
    """Load the model before the first search asks for it; without one, searches go by keywords and say so."""
    try:
        await embedder.warm()
    except FastOpsError as error:
        logger.bind(code=error.code).warning("no embedding model: {}", error.detail)
