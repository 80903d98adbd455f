"""Use cases of exports: what is held on a person, for that person and for those who manage accounts."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from uuid import UUID

from application.operations.ports import ExportFiles, ExportView, ExportWork, PersonalRecords, Records
from application.shared.jobs import JobTicket
from application.shared.journal import JournalEntry, JournalEvent, Reaction
from application.shared.ports import ActorDirectory, Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.operations.exports import Export, ExportStatus
from domain.shared.actor import Actor, ActorType, Permission, system_actor
from domain.shared.entity import plain
from domain.shared.errors import FastOpsError, Forbidden, NotFound, StaleVersion, WrongState

EXPORT = "export"
USER_DELETED = "identity.user_deleted.v1"
EXPIRED_PER_PASS = 100


class ExportNotReady(WrongState):
    default_code = "export_not_ready"
    default_detail = "The export is still being made; its job tells how far it is."


class ExportService:
    """Everybody may export what is held on himself, signed in and not by a key; others need users:write, and all the
    rights of the one whose data it is."""

    def __init__(
        self,
        work: Work[ExportWork],
        records: PersonalRecords,
        files: ExportFiles,
        directory: ActorDirectory,
        clock: Clock,
    ) -> None:
        self._work, self._records, self._files = work, records, files
        self._directory, self._clock = directory, clock

    @repeatable
    async def request(self, actor: Actor, user_id: UUID, *, repeat: Repeat | None = None) -> ExportView:
        """Have an export made, or made anew. Raises NotFound, Forbidden, ReauthenticationRequired."""
        await self._require(actor, user_id)
        actor.require_recent()

        async def attempt() -> ExportView:
            async with self._work(Operation("export.request", actor, repeat)) as uow:
                export = await uow.exports.of_user(user_id)
                if export is None:
                    export = Export.request(user_id, self._clock.now())
                    uow.exports.add(export)
                else:
                    export.renew(self._clock.now())
                ticket = uow.jobs.queue(EXPORT, export.id, actor.user_id, unit="files")
                return await uow.commit(ExportView.of(export, ticket.id))

        return await settled(attempt)

    async def request_own(self, actor: Actor, *, repeat: Repeat | None = None) -> ExportView:
        """The same for whoever is signed in. Raises Forbidden for API keys."""
        user_id = actor.require_user()
        if not _is_own(actor, user_id):
            raise Forbidden("session_required", "An API key cannot export what is held on its owner: sign in.")
        view: ExportView = await self.request(actor, user_id, repeat=repeat)
        return view

    async def get(self, actor: Actor, export_id: UUID) -> ExportView:
        """How far an export is. Raises NotFound for those of others, and for expired ones."""
        return ExportView.of(await self._export(actor, export_id))

    async def content(self, actor: Actor, export_id: UUID) -> tuple[ExportView, AsyncIterator[bytes]]:
        """The zip. Raises NotFound as `get`, and WrongState while it is being made."""
        export = await self._export(actor, export_id)
        if export.status is not ExportStatus.READY:
            raise ExportNotReady()
        return ExportView.of(export), self._files.stream(_key(export.user_id))

    async def build(self, ticket: JobTicket) -> None:
        """Make the export of a claimed job; try again later where a part is down."""
        actor = system_actor("exports")
        try:
            async with self._work(Operation("export.build", actor)) as uow:
                export = await uow.exports.find(ticket.subject_id)
                if export is None:
                    return await self._end(uow, ticket)
            held = await self._records.of(export.user_id)
            content = await asyncio.to_thread(packed, held)
            await self._files.delete(_key(export.user_id))
            await self._files.put(_key(export.user_id), content)
            async with self._work(Operation("export.build", actor)) as uow:
                export = await uow.exports.get(ticket.subject_id)
                export.finish(len(content), self._clock.now())
                await uow.jobs.succeed(ticket, len(held))
                await uow.commit(None)
        except StaleVersion:
            return None  # another worker has taken over
        except FastOpsError as error:
            async with self._work(Operation("export.build", actor)) as uow:
                await uow.jobs.retry_later(ticket, error.code, error.detail)
                await uow.commit(None)

    async def forget_expired(self) -> bool:
        """Remove exports that have expired; whether there may be more."""
        async with self._work(Operation("export.expire", system_actor("exports"))) as uow:
            expired = await uow.exports.expired(self._clock.now(), EXPIRED_PER_PASS)
            for export in expired:
                await self._files.delete(_key(export.user_id))
                export.expire(self._clock.now())
                uow.exports.remove(export)
            await uow.commit(None)
        return len(expired) == EXPIRED_PER_PASS

    def reactions(self) -> tuple[Reaction, ...]:
        """With a person goes the export; its row went with the account."""
        return (Reaction("operations.exports", frozenset({USER_DELETED}), self._forget_person),)

    async def _forget_person(self, _entry: JournalEntry, event: JournalEvent) -> None:
        await self._files.delete(_key(UUID(event.payload["user_id"])))

    async def _export(self, actor: Actor, export_id: UUID) -> Export:
        async with self._work(Operation("export.get", actor)) as uow:
            export = await uow.exports.get(export_id)
        if export.is_expired(self._clock.now()):
            raise NotFound()
        if not _is_own(actor, export.user_id):
            if not actor.may(Permission.USERS_WRITE):
                raise NotFound()
            await self._require(actor, export.user_id)
        return export

    async def _require(self, actor: Actor, user_id: UUID) -> None:
        if _is_own(actor, user_id):
            return
        actor.require(Permission.USERS_WRITE)
        person = await self._directory.standing(user_id)
        if person is None:
            raise NotFound()
        if not person.permissions <= actor.permissions or person.every_collection > actor.every_collection:
            raise Forbidden("rights_not_held", "You have not all the rights of the one whose data this is.")

    @staticmethod
    async def _end(uow: ExportWork, ticket: JobTicket) -> None:
        await uow.jobs.forget(ticket)
        await uow.commit(None)


def packed(held: Records) -> bytes:
    """A zip with one JSON file for each section."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for section, rows in held.items():
            text = json.dumps(plain(list(rows)), ensure_ascii=False, indent=2)
            archive.writestr(f"{section}.json", text.encode("utf-8", "replace"))
    return file.getvalue()


def _is_own(actor: Actor, user_id: UUID) -> bool:
    return actor.type is ActorType.USER and actor.user_id == user_id


def _key(user_id: UUID) -> str:
    return f"export/{user_id}"
