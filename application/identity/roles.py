"""Roles: the built-in ones, and those that an installation makes for itself."""

from collections.abc import Sequence

from application.identity.ports import ROLES_IN_PLACE, IdentityWork
from application.identity.rights import require_recent
from application.identity.views import RoleView
from application.shared.ports import Clock
from application.shared.settling import require_version
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.identity.errors import RightsNotHeld, RoleBuiltIn, RoleNameTaken
from domain.identity.roles import BUILT_IN, CustomRole
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound, StaleVersion


class RoleService:
    """Needs roles:read or roles:write. Nobody puts more into a role, or takes more out of it, than he holds."""

    def __init__(self, work: Work[IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def get(self, actor: Actor, name: str) -> RoleView:
        """One role. Raises NotFound."""
        actor.require(Permission.ROLES_READ)
        if name in BUILT_IN:
            return RoleView.of(BUILT_IN[name])
        async with self._work(Operation("role.get", actor)) as uow:
            return RoleView.of_custom(await _custom(uow, name))

    async def list(self, actor: Actor) -> Sequence[RoleView]:
        """All roles, by name."""
        actor.require(Permission.ROLES_READ)
        async with self._work(Operation("role.list", actor)) as uow:
            custom = [RoleView.of_custom(role) for role in await uow.roles.all()]
        return sorted([*map(RoleView.of, BUILT_IN.values()), *custom], key=lambda role: role.name)

    @repeatable
    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        description: str,
        permissions: frozenset[Permission],
        repeat: Repeat | None = None,
    ) -> RoleView:
        """Make a role. Raises RoleNameTaken, and RightsNotHeld for permissions beyond the actor's own."""
        actor.require(Permission.ROLES_WRITE)
        require_recent(actor)
        async with self._work(Operation("role.create", actor, repeat)) as uow:
            _require_permissions(actor, permissions)
            role = CustomRole.create(name=name, description=description, permissions=permissions, at=self._clock.now())
            if name in BUILT_IN or await uow.roles.named({name}):
                raise RoleNameTaken()
            uow.roles.add(role)
            return await uow.commit(RoleView.of_custom(role))

    async def change(
        self, actor: Actor, name: str, *, description: str, permissions: frozenset[Permission], expected: int | None
    ) -> RoleView:
        """Give a role these values; they hold for whoever has it within a second. Raises NotFound, StaleVersion,
        RoleBuiltIn, and RightsNotHeld for permissions that the actor does not hold and would add or take."""
        actor.require(Permission.ROLES_WRITE)
        require_recent(actor)
        async with self._work(Operation("role.change", actor)) as uow:
            role = await _changeable(uow, name, expected)
            _require_permissions(actor, permissions ^ role.permissions)
            role.change(description=description, permissions=permissions, at=self._clock.now())
            return await uow.commit(RoleView.of_custom(role))

    async def delete(self, actor: Actor, name: str, *, expected: int | None) -> None:
        """Remove a role that nobody has. Raises NotFound, StaleVersion, RoleBuiltIn, RoleInUse."""
        actor.require(Permission.ROLES_WRITE)
        require_recent(actor)
        async with self._work(Operation("role.delete", actor)) as uow:
            role = await _changeable(uow, name, expected)
            _require_permissions(actor, role.permissions)
            role.delete(self._clock.now())
            uow.roles.remove(role)
            uow.guard(ROLES_IN_PLACE, role.id)
            await uow.commit(None)


def _require_permissions(actor: Actor, permissions: frozenset[Permission]) -> None:
    if not permissions <= actor.permissions:
        raise RightsNotHeld()


async def _custom(uow: IdentityWork, name: str) -> CustomRole:
    found = await uow.roles.named({name})
    if not found:
        raise NotFound(detail="There is no role of this name.")
    return found[0]


async def _changeable(uow: IdentityWork, name: str, expected: int | None) -> CustomRole:
    """The custom role at the version that the caller saw; a built-in one is at version 0 for ever."""
    if name in BUILT_IN:
        if expected not in {None, 0}:
            raise StaleVersion()
        raise RoleBuiltIn()
    role = await _custom(uow, name)
    require_version(role, expected)
    return role
