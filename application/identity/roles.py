"""Roles as they can be looked up; only built-in ones for now."""

from application.identity.views import RoleView
from domain.identity.roles import BUILT_IN
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound


class RoleService:
    """Needs roles:read."""

    async def get(self, actor: Actor, name: str) -> RoleView:
        """One role. Raises NotFound."""
        actor.require(Permission.ROLES_READ)
        if name not in BUILT_IN:
            raise NotFound(detail="There is no role of this name.")
        return RoleView.of(BUILT_IN[name])

    async def list(self, actor: Actor) -> tuple[RoleView, ...]:
        """All roles, by name."""
        actor.require(Permission.ROLES_READ)
        return tuple(RoleView.of(BUILT_IN[name]) for name in sorted(BUILT_IN))
