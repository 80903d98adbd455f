"""Read models of identity: lists, and who stands behind a credential."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, update

from adapters.persistence import listings
from adapters.persistence.listings import Listing
from adapters.persistence.mapping import identity as mapping
from adapters.persistence.sqlalchemy.engine import Database, execute
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.rows import aggregate_rows, attach_owned, page_rows
from adapters.persistence.sqlalchemy.tables.identity import (
    api_keys,
    group_members,
    roles,
    sessions,
    user_groups,
    users,
)
from adapters.persistence.tracking import AggregateMapping, Row
from application.identity.ports import Principal
from application.identity.views import ApiKeyView, GroupView, SessionView, UserView
from domain.identity.credentials import ApiKey
from domain.identity.roles import BUILT_IN, Role, rights_of
from domain.identity.users import UserStatus
from domain.shared.actor import Actor
from domain.shared.values import Cursor, Instant, ListQuery, Page

TOUCH_EVERY = timedelta(minutes=1)


class SqlIdentityLists:
    """Keyset pages of users, keys and sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def users(self, query: ListQuery) -> Page[UserView]:
        rows, after = await self._page(mapping.USERS, listings.USERS, query)
        return Page([UserView.of(_loaded(mapping.USERS, row)) for row in rows], after)

    async def api_keys(self, owner_id: UUID | None, query: ListQuery) -> Page[ApiKeyView]:
        mine = [api_keys.c.owner_id == owner_id] if owner_id is not None else []
        rows, after = await self._page(mapping.API_KEYS, listings.API_KEYS, query, *mine)
        return Page([ApiKeyView.of(_loaded(mapping.API_KEYS, row)) for row in rows], after)

    async def groups(self, query: ListQuery) -> Page[GroupView]:
        def call(connection: Connection) -> Page[GroupView]:
            rows, after = page_rows(connection, listings.GROUPS, query)
            counts = _member_counts(connection, [row.id for row in rows])
            return Page([_group(row, counts.get(row.id, 0)) for row in rows], after)

        return await self._database.read(call, Freshness.SEEN)

    async def group_members(self, group_id: UUID, query: ListQuery) -> Page[UserView]:
        members = select(group_members.c.user_id).where(group_members.c.group_id == group_id)
        rows, after = await self._page(mapping.USERS, listings.USERS, query, users.c.id.in_(members))
        return Page([UserView.of(_loaded(mapping.USERS, row)) for row in rows], after)

    async def sessions(self, user_id: UUID, query: ListQuery) -> Page[SessionView]:
        mine = [sessions.c.user_id == user_id, sessions.c.ended_at.is_(None)]
        rows, after = await self._page(mapping.SESSIONS, listings.SESSIONS, query, *mine)
        return Page([SessionView.of(_loaded(mapping.SESSIONS, row)) for row in rows], after)

    async def _page(
        self, of: AggregateMapping[Any], listing: Listing, query: ListQuery, *conditions: ColumnElement[bool]
    ) -> tuple[Sequence[Row], Cursor | None]:
        def call(connection: Connection) -> tuple[Sequence[Row], Cursor | None]:
            found, after = page_rows(connection, listing, query, *conditions)
            return attach_owned(connection, of, found), after

        return await self._database.read(call, Freshness.SEEN)


class SqlPrincipals:
    """Rights as they are now, from the primary database; also the directory of who exists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_user(self, user_id: UUID) -> Principal | None:
        return await self._database.read(lambda connection: _principal(connection, users.c.id == user_id))

    async def of_session(self, session_id: UUID, now: Instant) -> Principal | None:
        live = [sessions.c.id == session_id, sessions.c.ended_at.is_(None), sessions.c.expires_at > now]
        statement = select(sessions.c.user_id, sessions.c.expires_at).where(*live)

        def call(connection: Connection) -> Principal | None:
            session = connection.execute(statement).one_or_none()
            if session is None:
                return None
            principal = _principal(connection, users.c.id == session.user_id)
            return replace(principal, valid_until=session.expires_at) if principal else None

        return await self._database.read(call)

    async def of_api_key(self, key_id: UUID) -> tuple[ApiKey, Principal] | None:
        def call(connection: Connection) -> tuple[ApiKey, Principal] | None:
            statement = select(api_keys).where(api_keys.c.id == key_id)
            rows = aggregate_rows(connection, mapping.API_KEYS, statement)
            if not rows:
                return None
            key = _loaded(mapping.API_KEYS, rows[0])
            principal = _principal(connection, users.c.id == key.owner_id)
            return None if principal is None else (key, principal)

        return await self._database.read(call)

    async def touch_api_key(self, key_id: UUID, at: Instant) -> None:
        stale = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at - TOUCH_EVERY)
        statement = update(api_keys).where(api_keys.c.id == key_id, stale).values(last_used_at=at)
        await execute(self._database, statement)

    async def user_exists(self, user_id: UUID) -> bool:
        return await self._exists(select(users.c.id).where(users.c.id == user_id))

    async def group_exists(self, group_id: UUID) -> bool:
        return await self._exists(select(user_groups.c.id).where(user_groups.c.id == group_id))

    async def standing(self, user_id: UUID) -> Actor | None:
        principal = await self.of_user(user_id)
        return principal.actor() if principal else None

    async def _exists(self, statement: Select[Any]) -> bool:
        return await self._database.read(lambda connection: connection.execute(statement).first() is not None)


def _member_counts(connection: Connection, group_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Of those that have members; counted by the database, because a group may have ten thousand."""
    statement = select(group_members.c.group_id, func.count()).where(group_members.c.group_id.in_(group_ids))
    if not group_ids:
        return {}
    found = connection.execute(statement.group_by(group_members.c.group_id))
    return {row[0]: row[1] for row in found}


def _group(row: Any, member_count: int) -> GroupView:
    names = ("id", "name", "description", "created_at", "updated_at", "version")
    return GroupView(member_count=member_count, **{name: row._mapping[name] for name in names})


def _principal(connection: Connection, condition: ColumnElement[bool]) -> Principal | None:
    rows = aggregate_rows(connection, mapping.USERS, select(users).where(condition))
    if not rows:
        return None
    row = rows[0]
    member_of = select(group_members.c.group_id).where(group_members.c.user_id == row["id"])
    return Principal(
        user_id=row["id"],
        name=row["name"],
        email=row["email"],
        active=row["status"] == UserStatus.ACTIVE.value,
        rights=rights_of(_roles(connection, {owned["role"] for owned in row["roles"]})),
        group_ids=frozenset(connection.execute(member_of).scalars()),
    )


def _roles(connection: Connection, names: set[str]) -> list[Role]:
    built_in, custom = [BUILT_IN[name] for name in names & BUILT_IN.keys()], names - BUILT_IN.keys()
    if not custom:
        return built_in
    rows = aggregate_rows(connection, mapping.ROLES, select(roles).where(roles.c.name.in_(sorted(custom))))
    return [*built_in, *(_loaded(mapping.ROLES, row).role for row in rows)]


def _loaded(of: AggregateMapping[Any], row: Row) -> Any:
    entity = of.from_row(row)
    entity.version = row["version"]
    return entity
