"""The stores that every contract suite runs on, each with all its read models behind one set of names."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.persistence.memory.journal import MemoryJournal, MemoryPositions, MemorySetAsides
from adapters.persistence.memory.notes import MemoryHeadKey, MemoryNotes
from adapters.persistence.memory.operations import MemoryBlobs, MemoryHeldBytes, MemoryJobQueue, MemoryLeases
from adapters.persistence.memory.personal import MemoryAnswerErasure, MemoryPersonalValues, MemoryStoredRows
from adapters.persistence.memory.reads import (
    MemoryAuditTrail,
    MemoryIdentityReads,
    MemoryJobLists,
    MemoryKnowledgeReads,
)
from adapters.persistence.memory.sealed_trail import MemorySealedTrail
from adapters.persistence.memory.spent_proofs import MemorySpentProofs
from adapters.persistence.memory.tables import MemoryDatabase
from adapters.persistence.memory.unit_of_work import MemoryStore
from adapters.persistence.personal_records import GatheredRecords
from adapters.persistence.repeats import RepeatRecords
from adapters.persistence.sqlalchemy.audit import SqlAuditTrail
from adapters.persistence.sqlalchemy.blobs import DatabaseBlobs, SqlHeldBytes
from adapters.persistence.sqlalchemy.engine import Database, ServerDatabase, database_url
from adapters.persistence.sqlalchemy.followers import SqlJournalOverview, SqlPositions, SqlSetAsides
from adapters.persistence.sqlalchemy.identity_reads import SqlIdentityLists, SqlPrincipals
from adapters.persistence.sqlalchemy.journal import SqlJournal, SqlJournalKeeper
from adapters.persistence.sqlalchemy.knowledge_reads import SqlChunkRows, SqlKnowledgeReads
from adapters.persistence.sqlalchemy.notes import SqlNotes
from adapters.persistence.sqlalchemy.operations import SqlJobLists, SqlJobQueue, SqlLeases
from adapters.persistence.sqlalchemy.personal import SqlAnswerErasure, SqlPersonalValues, SqlStoredRows
from adapters.persistence.sqlalchemy.rights_epoch import SqlRightsEpoch
from adapters.persistence.sqlalchemy.sealed_trail import SqlSealedTrail
from adapters.persistence.sqlalchemy.signing_keys import SqlHeadKey, SqlSigningKeys
from adapters.persistence.sqlalchemy.spent_proofs import SqlSpentProofs
from adapters.persistence.sqlalchemy.sqlite import SqliteDatabase
from adapters.persistence.sqlalchemy.unit_of_work import SqlStore
from adapters.security.signing_keys import MemorySigningKeys
from application.shared.journal import JOURNAL_LEASE, JournalEntry
from application.shared.unit_of_work import Operation, Repeat
from domain.shared.actor import Actor, system_actor
from domain.shared.entity import Aggregate
from tests.fakes import DigestSeal, ManualClock, sign

KEEPER = "tests"


@dataclass
class Store:
    """One store; `work` opens operations, the rest are its read models and machinery."""

    name: str
    clock: ManualClock
    work: Any
    lists: Any
    principals: Any
    rights_epoch: Any
    reads: Any
    chunk_rows: Any
    job_queue: Any
    job_lists: Any
    leases: Any
    positions: Any
    set_asides: Any
    blobs: Any
    held_bytes: Any
    journal: Any
    overview: Any
    keeper: Any
    audit: Any
    personal: Any
    answer_erasure: Any
    records: Any
    sealed: Any
    spent_proofs: Any
    notes: Any
    signing_keys: Any
    head_key: Any
    database: Any

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """What hypothesis shows with a failure: the name, not everything that is stored."""
        printer.text(self.name)

    def operation(self, name: str, repeat: Repeat | None = None, actor: Actor | None = None) -> Any:
        return self.work(Operation(name, actor or system_actor("test"), repeat))

    async def given(self, *entities: Aggregate) -> None:
        """Store these, whatever they are."""
        async with self.operation("given") as uow:
            for entity in entities:
                self.repository(uow, entity).add(entity)
            await uow.commit(None)

    def repository(self, uow: Any, entity: Aggregate) -> Any:
        names = {"ApiKey": "api_keys", "PasswordCredential": "passwords", "Job": "job_rows", "CustomRole": "roles"}
        names |= {"FederatedIdentity": "identities", "OneTimeToken": "one_time_tokens"}
        kind = type(entity).__name__
        plural = f"{kind.lower()}s" if not kind.endswith("f") else f"{kind.lower()[:-1]}ves"
        return getattr(uow, names.get(kind) or plural)

    async def stored(self, kind: str, id: UUID) -> Any:
        async with self.operation("look") as uow:
            return await getattr(uow, kind).find(id)

    async def entries(self) -> Sequence[JournalEntry]:
        """All journal entries, numbered first."""
        await self.order()
        return await self.journal.after(0, 10_000)  # type: ignore[no-any-return]

    async def order(self) -> None:
        """Number what is there, as the process that keeps the journal."""
        await self.leases.hold(JOURNAL_LEASE, KEEPER, 60)
        while await self.keeper.order(KEEPER):
            pass

    async def seal(self) -> None:
        """Number and seal what is there."""
        await self.order()
        while await self.keeper.seal(KEEPER):
            pass


def memory_store() -> Store:
    clock, database = ManualClock(), MemoryDatabase()
    journal, identity = MemoryJournal(database, clock, sign), MemoryIdentityReads(database)
    knowledge = MemoryKnowledgeReads(database)
    notes = MemoryNotes(database, clock)
    return Store(
        name="memory",
        clock=clock,
        work=MemoryStore(database, clock, RepeatRecords(DigestSeal())),
        lists=identity,
        principals=identity,
        rights_epoch=identity,
        reads=knowledge,
        chunk_rows=knowledge,
        job_queue=MemoryJobQueue(database),
        job_lists=MemoryJobLists(database),
        leases=MemoryLeases(database, clock),
        positions=MemoryPositions(database),
        set_asides=MemorySetAsides(database),
        blobs=MemoryBlobs(database),
        held_bytes=MemoryHeldBytes(database),
        journal=journal,
        overview=journal,
        keeper=journal,
        audit=MemoryAuditTrail(database),
        personal=MemoryPersonalValues(database),
        answer_erasure=MemoryAnswerErasure(database),
        records=GatheredRecords(MemoryStoredRows(database), MemoryAuditTrail(database)),
        sealed=MemorySealedTrail(database),
        spent_proofs=MemorySpentProofs(database),
        notes=notes,
        signing_keys=MemorySigningKeys(notes),
        head_key=MemoryHeadKey(database, notes),
        database=database,
    )


def sql_store(name: str, database: Database) -> Store:
    clock, epoch = ManualClock(), SqlRightsEpoch(database)
    return Store(
        name=name,
        clock=clock,
        work=SqlStore(database, clock, RepeatRecords(DigestSeal()), rights=epoch),
        lists=SqlIdentityLists(database),
        principals=SqlPrincipals(database),
        rights_epoch=epoch,
        reads=SqlKnowledgeReads(database),
        chunk_rows=SqlChunkRows(database),
        job_queue=SqlJobQueue(database),
        job_lists=SqlJobLists(database),
        leases=SqlLeases(database, clock),
        positions=SqlPositions(database),
        set_asides=SqlSetAsides(database),
        blobs=DatabaseBlobs(database),
        held_bytes=SqlHeldBytes(database),
        journal=SqlJournal(database),
        overview=SqlJournalOverview(database),
        keeper=SqlJournalKeeper(database, clock, sign),
        audit=SqlAuditTrail(database),
        personal=SqlPersonalValues(database),
        answer_erasure=SqlAnswerErasure(database),
        records=GatheredRecords(SqlStoredRows(database), SqlAuditTrail(database)),
        sealed=SqlSealedTrail(database),
        spent_proofs=SqlSpentProofs(database),
        notes=SqlNotes(database, clock),
        signing_keys=SqlSigningKeys(database, clock),
        head_key=SqlHeadKey(database, clock),
        database=database,
    )


@asynccontextmanager
async def sqlite_store(file: Path) -> AsyncIterator[Store]:
    """On a SQLite file that is migrated already."""
    database = SqliteDatabase(database_url(f"sqlite:///{file}"))
    try:
        yield sql_store("sqlite", database)
    finally:
        await database.close()


@asynccontextmanager
async def server_store(name: str, url: str) -> AsyncIterator[Store]:
    """On a database of a server that is migrated already."""
    database = ServerDatabase(database_url(url), pool_size=5, max_overflow=0, pool_timeout=10, pool_recycle=3600)
    try:
        yield sql_store(name, database)
    finally:
        await database.close()
