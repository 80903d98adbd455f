"""Groups of users, as administrators manage them."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from application.identity.ports import IdentityLists, IdentityWork
from application.identity.views import GroupView, UserView
from application.shared.ports import Clock
from application.shared.settling import require_version, settled
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.identity.groups import Group
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound
from domain.shared.values import ListQuery, Page


class GroupService:
    """Needs groups:read or groups:write. Membership counts in every decision within a second."""

    def __init__(self, work: Work[IdentityWork], lists: IdentityLists, clock: Clock) -> None:
        self._work, self._lists, self._clock = work, lists, clock

    @repeatable
    async def create(
        self, actor: Actor, *, name: str, description: str = "", repeat: Repeat | None = None
    ) -> GroupView:
        """Make an empty group. Raises GroupNameTaken."""
        actor.require(Permission.GROUPS_WRITE)
        async with self._work(Operation("group.create", actor, repeat)) as uow:
            group = Group.create(name=name, description=description, at=self._clock.now())
            uow.groups.add(group)
            return await uow.commit(GroupView.of(group))

    async def get(self, actor: Actor, group_id: UUID) -> GroupView:
        """One group. Raises NotFound."""
        actor.require(Permission.GROUPS_READ)
        async with self._work(Operation("group.get", actor)) as uow:
            return GroupView.of(await uow.groups.get(group_id))

    async def by_name(self, actor: Actor, name: str) -> GroupView:
        """The group of exactly this name. Raises NotFound."""
        found = await self.page(actor, ListQuery(limit=1, filters={"name": name}))
        if not found.items:
            raise NotFound(detail="There is no group of this name.")
        return found.items[0]

    async def page(self, actor: Actor, query: ListQuery) -> Page[GroupView]:
        """Groups. Sorts: created_at, name. Filters: name, q, member."""
        actor.require(Permission.GROUPS_READ)
        return await self._lists.groups(query)

    async def members(self, actor: Actor, group_id: UUID, query: ListQuery) -> Page[UserView]:
        """The users in a group, with the sorts and filters of users. Raises NotFound for an unknown group."""
        actor.require(Permission.GROUPS_READ)
        actor.require(Permission.USERS_READ)
        async with self._work(Operation("group.members", actor)) as uow:
            await uow.groups.get(group_id)
        return await self._lists.group_members(group_id, query)

    async def change(
        self, actor: Actor, group_id: UUID, *, name: str, description: str, expected: int | None
    ) -> GroupView:
        """Give a group these values. Raises NotFound, StaleVersion, GroupNameTaken."""
        actor.require(Permission.GROUPS_WRITE)
        async with self._work(Operation("group.change", actor)) as uow:
            group = await uow.groups.get(group_id, expected)
            group.change(name=name, description=description, at=self._clock.now())
            return await uow.commit(GroupView.of(group))

    async def delete(self, actor: Actor, group_id: UUID, *, expected: int | None) -> None:
        """Remove a group; what was granted to it is granted to nobody from then on. Raises NotFound, StaleVersion."""
        actor.require(Permission.GROUPS_WRITE)

        async def attempt() -> None:
            async with self._work(Operation("group.delete", actor)) as uow:
                group = await uow.groups.get(group_id)
                require_version(group, expected)
                group.delete(self._clock.now())
                uow.groups.remove(group)
                await uow.commit(None)

        await settled(attempt)

    async def add_member(self, actor: Actor, group_id: UUID, user_id: UUID) -> GroupView:
        """Take a user in; nothing happens for a member. Raises NotFound for an unknown group or user."""

        async def add(uow: IdentityWork, group: Group) -> None:
            if await uow.users.find(user_id) is None:
                raise NotFound(detail="There is no such user.")
            group.add_member(user_id, self._clock.now())

        return await self._with_members(actor, "group.add_member", group_id, add)

    async def remove_member(self, actor: Actor, group_id: UUID, user_id: UUID) -> GroupView:
        """Let a user go; nothing happens for somebody who is no member. Raises NotFound for an unknown group."""

        async def remove(_: IdentityWork, group: Group) -> None:
            group.remove_member(user_id, self._clock.now())

        return await self._with_members(actor, "group.remove_member", group_id, remove)

    async def _with_members(
        self, actor: Actor, operation: str, group_id: UUID, change: Callable[[IdentityWork, Group], Awaitable[None]]
    ) -> GroupView:
        actor.require(Permission.GROUPS_WRITE)

        async def attempt() -> GroupView:
            async with self._work(Operation(operation, actor)) as uow:
                group = await uow.groups.get(group_id)
                await change(uow, group)
                return await uow.commit(GroupView.of(group))

        return await settled(attempt)
