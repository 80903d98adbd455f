"""Wiring of the store: one adapter of each port on SQL, one in memory, chosen by DATABASE_URL."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import (
    Callable,
    DependenciesContainer,
    Dependency,
    Factory,
    Provider,
    Selector,
    Singleton,
)

from adapters.persistence.memory import journal as memory_journal
from adapters.persistence.memory import operations as memory
from adapters.persistence.memory import reads as memory_reads
from adapters.persistence.memory.notes import MemoryHeadKey, MemoryNotes
from adapters.persistence.memory.personal import MemoryAnswerErasure, MemoryPersonalValues, MemoryStoredRows
from adapters.persistence.memory.sealed_trail import MemorySealedTrail
from adapters.persistence.memory.spent_proofs import MemorySpentProofs
from adapters.persistence.memory.tables import MemoryDatabase
from adapters.persistence.memory.unit_of_work import MemoryStore
from adapters.persistence.personal_records import GatheredRecords
from adapters.persistence.repeats import RepeatRecords
from adapters.persistence.sqlalchemy import operations as sql
from adapters.persistence.sqlalchemy.audit import SqlAuditTrail
from adapters.persistence.sqlalchemy.blobs import DatabaseBlobs, SqlHeldBytes
from adapters.persistence.sqlalchemy.engine import Database, ServerDatabase, database_url
from adapters.persistence.sqlalchemy.followers import SqlJournalOverview, SqlPositions, SqlSetAsides
from adapters.persistence.sqlalchemy.identity_reads import SqlIdentityLists, SqlPrincipals
from adapters.persistence.sqlalchemy.journal import SqlJournal, SqlJournalKeeper
from adapters.persistence.sqlalchemy.knowledge_reads import SqlChunkRows, SqlKnowledgeReads
from adapters.persistence.sqlalchemy.notes import SqlNotes
from adapters.persistence.sqlalchemy.personal import SqlAnswerErasure, SqlPersonalValues, SqlStoredRows
from adapters.persistence.sqlalchemy.rights_epoch import SqlRightsEpoch
from adapters.persistence.sqlalchemy.sealed_trail import SqlSealedTrail
from adapters.persistence.sqlalchemy.servers import SERVING, Limits
from adapters.persistence.sqlalchemy.signing_keys import SqlHeadKey, SqlSigningKeys
from adapters.persistence.sqlalchemy.spent_proofs import SqlSpentProofs
from adapters.persistence.sqlalchemy.sqlite import SqliteDatabase
from adapters.persistence.sqlalchemy.unit_of_work import SqlStore
from adapters.security.signing_keys import MemorySigningKeys
from adapters.system.clock import SystemClock
from adapters.telemetry.operations import observe
from adapters.telemetry.pools import PoolGauges
from entrypoints.settings.settings import Settings
from entrypoints.worker.journal import JournalParts


def open_database(settings: Settings) -> Database:
    """The SQL database of the settings; connections are made when they are first needed."""
    url, data = database_url(settings.database_url), settings.data
    if settings.store == "sqlite":
        return SqliteDatabase(url)
    limits = Limits(
        statement=data.database_statement_timeout,
        lock=data.database_lock_timeout,
        idle=SERVING.idle,
        connect=data.database_connect_timeout,
    )
    return ServerDatabase(
        url,
        replicas=[database_url(replica) for replica in settings.database_replica_urls],
        limits=limits,
        rest=data.database_pool_pre_ping,
        figures=PoolGauges,
        pool_size=data.database_pool_size,
        max_overflow=data.database_pool_overflow,
        pool_timeout=data.database_pool_timeout,
        pool_recycle=data.database_pool_recycle,
    )


def store_family(settings: Settings) -> str:
    return "memory" if settings.store == "memory" else "sql"


class PersistenceContainer(DeclarativeContainer):
    """Everything that keeps rows."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    keys: Any = DependenciesContainer()

    clock = Singleton(SystemClock)
    records = Singleton(RepeatRecords, keys.repeat_seal)
    family = Callable(store_family, settings)
    database = Singleton(open_database, settings)
    in_memory = Singleton(MemoryDatabase)
    whole_journal = Singleton(memory_journal.MemoryJournal, in_memory, clock, keys.head_keys.provided.sign)
    memory_identity = Singleton(memory_reads.MemoryIdentityReads, in_memory)
    memory_knowledge = Singleton(memory_reads.MemoryKnowledgeReads, in_memory)
    sql_principals = Singleton(SqlPrincipals, database)
    sql_rights_epoch = Singleton(SqlRightsEpoch, database)

    store = Selector(
        family,
        memory=Singleton(MemoryStore, in_memory, clock, records, observe),
        sql=Singleton(SqlStore, database, clock, records, observe, sql_rights_epoch),
    )
    identity_lists = Selector(family, memory=memory_identity, sql=Singleton(SqlIdentityLists, database))
    principals = Selector(family, memory=memory_identity, sql=sql_principals)
    rights_epoch = Selector(family, memory=memory_identity, sql=sql_rights_epoch)
    directory = Selector(family, memory=memory_identity, sql=sql_principals)
    knowledge_reads = Selector(family, memory=memory_knowledge, sql=Singleton(SqlKnowledgeReads, database))
    chunk_rows = Selector(family, memory=memory_knowledge, sql=Singleton(SqlChunkRows, database))
    blobs = Selector(family, memory=Singleton(memory.MemoryBlobs, in_memory), sql=Singleton(DatabaseBlobs, database))
    held_bytes = Selector(
        family, memory=Singleton(memory.MemoryHeldBytes, in_memory), sql=Singleton(SqlHeldBytes, database)
    )
    job_queue = Selector(
        family, memory=Singleton(memory.MemoryJobQueue, in_memory), sql=Singleton(sql.SqlJobQueue, database)
    )
    job_lists = Selector(
        family, memory=Singleton(memory_reads.MemoryJobLists, in_memory), sql=Singleton(sql.SqlJobLists, database)
    )
    leases = Selector(
        family, memory=Singleton(memory.MemoryLeases, in_memory, clock), sql=Singleton(sql.SqlLeases, database, clock)
    )
    positions = Selector(
        family, memory=Singleton(memory_journal.MemoryPositions, in_memory), sql=Singleton(SqlPositions, database)
    )
    set_asides = Selector(
        family, memory=Singleton(memory_journal.MemorySetAsides, in_memory), sql=Singleton(SqlSetAsides, database)
    )
    journal = Selector(family, memory=whole_journal, sql=Singleton(SqlJournal, database))
    journal_overview = Selector(family, memory=whole_journal, sql=Singleton(SqlJournalOverview, database))
    sign_head = keys.head_keys.provided.sign
    keeper = Selector(family, memory=whole_journal, sql=Singleton(SqlJournalKeeper, database, clock, sign_head))
    journal_parts = Factory(
        JournalParts, journal=journal, keeper=keeper, positions=positions, set_asides=set_asides, clock=clock
    )
    audit_trail = Selector(
        family,
        memory=Singleton(memory_reads.MemoryAuditTrail, in_memory),
        sql=Singleton(SqlAuditTrail, database),
    )
    sealed_trail = Selector(
        family, memory=Singleton(MemorySealedTrail, in_memory), sql=Singleton(SqlSealedTrail, database)
    )
    notes = Selector(family, memory=Singleton(MemoryNotes, in_memory, clock), sql=Singleton(SqlNotes, database, clock))
    personal_values = Selector(
        family, memory=Singleton(MemoryPersonalValues, in_memory), sql=Singleton(SqlPersonalValues, database)
    )
    spent_proofs = Selector(
        family, memory=Singleton(MemorySpentProofs, in_memory), sql=Singleton(SqlSpentProofs, database)
    )
    answer_erasure = Selector(
        family, memory=Singleton(MemoryAnswerErasure, in_memory), sql=Singleton(SqlAnswerErasure, database)
    )
    stored_rows = Selector(
        family, memory=Singleton(MemoryStoredRows, in_memory), sql=Singleton(SqlStoredRows, database)
    )
    personal_records = Singleton(GatheredRecords, stored_rows, audit_trail)
    signing_keys = Selector(
        family, memory=Singleton(MemorySigningKeys, notes), sql=Singleton(SqlSigningKeys, database, clock)
    )
    head_key = Selector(
        family, memory=Singleton(MemoryHeadKey, in_memory, notes), sql=Singleton(SqlHeadKey, database, clock)
    )
