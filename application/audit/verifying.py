"""Use cases of verification: a part of the trail at once, or as much as one likes as a job."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from application.audit.ports import Checkpoints, SealedTrail
from application.audit.verification import Progress, Verification
from application.shared.jobs import JobDesk, JobQueue, JobTicket
from application.shared.unit_of_work import Commits, Operation, Repeat, Work, repeatable
from domain.audit.checkpoints import Checkpoint
from domain.audit.findings import Verdict
from domain.shared.actor import Actor, Permission, system_actor
from domain.shared.errors import Invalid, StaleVersion, Unavailable, Violation
from domain.shared.values import new_id

VERIFY: Final = "audit.verify"
AT_ONCE_MAX: Final = 10_000
"""Entries that are verified while the caller waits."""
TAMPERED: Final = "audit_tampered"

Run = Callable[[Sequence[Checkpoint], int, int | None, Progress], Awaitable[Verdict]]


class AuditWork(Commits, Protocol):
    @property
    def jobs(self) -> JobDesk: ...


@dataclass(frozen=True, slots=True)
class VerificationAnswer:
    """The verdict, or the job that will find it where there is too much to wait for."""

    verdict: Verdict | None = None
    job_id: UUID | None = None


class VerifyService:
    """Copied heads of this machine are looked at, too."""

    def __init__(
        self,
        work: Work[AuditWork],
        trail: SealedTrail,
        verification: Verification,
        copies: Checkpoints,
        queue: JobQueue,
    ) -> None:
        self._work, self._trail, self._verification = work, trail, verification
        self._copies, self._queue = copies, queue

    @repeatable
    async def verify(
        self, actor: Actor, first: int, last: int | None, *, repeat: Repeat | None = None
    ) -> VerificationAnswer:
        """The verdict on the batches that hold these sequences. Where they are too many to wait for, a job verifies
        them and fails with `audit_tampered` and the place where anything differs.

        Raises Invalid where `last` is before `first`.
        """
        actor.require(Permission.AUDIT_READ)
        if last is not None and last < first:
            detail = "The last sequence is before the first one."
            raise Invalid(violations=[Violation("/last_sequence", "out_of_order", detail)])
        async with self._work(Operation("audit.verify", actor, repeat)) as uow:
            end = await self._trail.end()
            if min(last or end, end) - first < AT_ONCE_MAX:
                verdict = await self._verification.run(await self._copies.all(), first, last)
                return await uow.commit(VerificationAnswer(verdict=verdict))
            payload = {"first": first, "last": last}
            ticket = uow.jobs.queue(VERIFY, new_id(), actor.user_id, unit="entries", payload=payload)
            return await uow.commit(VerificationAnswer(job_id=ticket.id))

    async def carry_out(self, ticket: JobTicket, run: Run) -> None:
        """Do the work of a claimed job; where the claim was lost meanwhile, nothing is written."""
        first, last = int(ticket.payload.get("first", 1)), ticket.payload.get("last")
        counted: list[tuple[int, int]] = [(0, 0)]
        try:
            verdict = await run(await self._copies.all(), first, last, lambda done, of: counted.append((done, of)))
            await self._queue.progress(ticket, *counted[-1])
            await self._end(ticket, verdict)
        except Unavailable as error:
            await self._again(ticket, error)
        except StaleVersion:
            return  # cancelled, or another process has it now

    async def _end(self, ticket: JobTicket, verdict: Verdict) -> None:
        async with self._work(Operation("audit.verify", system_actor("audit"))) as uow:
            if verdict.holds:
                await uow.jobs.succeed(ticket, verdict.entries)
            else:
                await uow.jobs.fail(ticket, TAMPERED, _told(verdict))
            await uow.commit(None)

    async def _again(self, ticket: JobTicket, error: Unavailable) -> None:
        async with self._work(Operation("audit.verify", system_actor("audit"))) as uow:
            await uow.jobs.retry_later(ticket, error.code, error.detail)
            await uow.commit(None)


def _told(verdict: Verdict) -> str:
    """The first finding with its place, and how many more there are."""
    found = verdict.findings[0]
    more = (
        f" There are {verdict.flaws - 1} more findings; `fastops audit verify` lists them." if verdict.flaws > 1 else ""
    )
    return f"Sequence {found.sequence}, {found.kind.value}: {found.detail}{more}"
