"""All that is held on one person, gathered from whichever store there is; the port `PersonalRecords`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from adapters.persistence.mapping.factors import PASSKEYS, TOTP_FACTORS
from adapters.persistence.mapping.federation import IDENTITIES
from adapters.persistence.mapping.identity import API_KEYS, GROUPS, SESSIONS, USERS
from adapters.persistence.mapping.knowledge import ANSWERS, COLLECTIONS, DOCUMENTS
from adapters.persistence.mapping.operations import JOBS
from adapters.persistence.tracking import AggregateMapping, Row
from application.audit.ports import AuditEvent, AuditTrail
from domain.shared.values import ListQuery, Sort

PAGE = 200
DOCUMENT_MEMBERS = ("id", "collection_id", "external_id", "title", "file_name", "media_type", "bytes", "created_at")


class StoredRows(Protocol):
    """How a store is read by columns; rows come with what their aggregates own."""

    async def rows(self, mapping: AggregateMapping[Any], column: str, values: Sequence[UUID]) -> Sequence[Row]:
        """Those whose column has one of these values."""

    async def holding(self, mapping: AggregateMapping[Any], member: str, column: str, value: UUID) -> Sequence[Row]:
        """Those that own a row, in `member`, whose column has this value."""


class GatheredRecords:
    def __init__(self, stored: StoredRows, trail: AuditTrail) -> None:
        self._stored, self._trail = stored, trail

    async def of(self, user_id: UUID) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        stored, key = self._stored, [user_id]
        api_keys = await stored.rows(API_KEYS, "owner_id", key)
        granted = await stored.holding(COLLECTIONS, "grants", "subject_id", user_id)
        managed = [row["id"] for row in granted if _level(row, user_id) == "manage"]
        groups = await stored.holding(GROUPS, "members", "user_id", user_id)
        documents = await stored.rows(DOCUMENTS, "collection_id", managed) if managed else []
        return {
            "account": _shown(USERS, await stored.rows(USERS, "id", key)),
            "sessions": _shown(SESSIONS, await stored.rows(SESSIONS, "user_id", key)),
            "api_keys": _shown(API_KEYS, api_keys),
            "second_factors": _shown(TOTP_FACTORS, await stored.rows(TOTP_FACTORS, "id", key)),
            "passkeys": _shown(PASSKEYS, await stored.rows(PASSKEYS, "user_id", key)),
            "identities": [dict(row) for row in await stored.rows(IDENTITIES, "user_id", key)],
            "groups": [{name: row[name] for name in ("id", "name", "description")} for row in groups],
            "grants": [
                {"collection_id": row["id"], "collection": row["name"], "level": _level(row, user_id)}
                for row in granted
            ],
            "documents": [{name: row[name] for name in DOCUMENT_MEMBERS} for row in documents],
            "answers": _shown(ANSWERS, await stored.rows(ANSWERS, "owner_id", key)),
            "jobs": [dict(row) | {"payload": None} for row in await stored.rows(JOBS, "owner_id", key)],
            "audit": [_event(one) for one in await self._entries(user_id, [row["id"] for row in api_keys])],
        }

    async def _entries(self, user_id: UUID, key_ids: Sequence[UUID]) -> Sequence[AuditEvent]:
        """What the person or a key of theirs did, and what was done to the account, oldest first."""
        searches = [{"actor": str(actor)} for actor in (user_id, *key_ids)]
        searches.append({"target_type": "user", "target_id": str(user_id)})
        found: dict[UUID, AuditEvent] = {}
        for filters in searches:
            query = ListQuery(limit=PAGE, sort=Sort("at", descending=False), filters=filters)
            while True:
                page = await self._trail.events(query)
                found |= {event.id: event for event in page.items}
                if page.next is None:
                    break
                query = ListQuery(limit=PAGE, sort=query.sort, filters=filters, cursor=page.next)
        return sorted(found.values(), key=lambda event: (event.at, str(event.id)))


def _shown(mapping: AggregateMapping[Any], rows: Sequence[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in mapping.secret} for row in rows]


def _level(row: Row, user_id: UUID) -> str | None:
    levels: Iterator[str] = (grant["level"] for grant in row["grants"] if grant["subject_id"] == user_id)
    return next(levels, None)


def _event(event: AuditEvent) -> Row:
    return {name: getattr(event, name) for name in AuditEvent.__slots__}
