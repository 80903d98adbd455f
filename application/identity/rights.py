"""Who may give which rights: nobody hands out, or takes over, more than he holds himself."""

from collections.abc import Iterable, Sequence

from application.identity.ports import LAST_ADMINISTRATOR, IdentityWork
from domain.identity.errors import RightsNotHeld, SessionRequired, UnknownRole
from domain.identity.roles import ADMIN, BUILT_IN, Rights, Role, rights_of
from domain.identity.users import User
from domain.shared.actor import Actor, ActorType, Permission
from domain.shared.errors import Violation

_AREAS = {"users", "roles", "groups", "tokens", "audit", "operations"}
ADMINISTRATION = frozenset(right for right in Permission if right.partition(":")[0] in _AREAS)
"""Rights over the installation and the people in it, as opposed to the use of its knowledge."""


async def roles_named(uow: IdentityWork, names: Iterable[str]) -> Sequence[Role]:
    """The roles of these names, built-in and custom ones; names of no role are left out."""
    wanted = frozenset(names)
    custom = wanted - BUILT_IN.keys()
    roles = [BUILT_IN[name] for name in wanted & BUILT_IN.keys()]
    return [*roles, *(found.role for found in await uow.roles.named(custom))] if custom else roles


async def rights_in(uow: IdentityWork, names: Iterable[str]) -> Rights:
    """What the roles of these names add up to."""
    return rights_of(await roles_named(uow, names))


async def require_known(uow: IdentityWork, names: Iterable[str]) -> None:
    """Raise UnknownRole unless there are roles of all these names."""
    wanted = frozenset(names)
    if len(await roles_named(uow, wanted)) != len(wanted):
        raise UnknownRole(
            violations=[Violation("/roles", "unknown_role", "Name roles that exist; list them to see which.")]
        )


async def require_holding(uow: IdentityWork, actor: Actor, names: Iterable[str]) -> None:
    """Raise RightsNotHeld unless the actor has every right that these roles add up to."""
    if not (await rights_in(uow, names)).within(actor.permissions, actor.every_collection):
        raise RightsNotHeld()


async def require_not_above(uow: IdentityWork, actor: Actor, names: Iterable[str]) -> None:
    """Raise RightsNotHeld where these roles administer what the actor may not."""
    if not (await rights_in(uow, names)).permissions & ADMINISTRATION <= actor.permissions:
        raise RightsNotHeld()


def require_session(actor: Actor) -> None:
    """Raise Unauthenticated for nobody, SessionRequired for keys: a leaked key must not take its owner's account."""
    actor.require_user()
    if actor.type is not ActorType.USER:
        raise SessionRequired()


def require_recent(actor: Actor) -> None:
    """Raise ReauthenticationRequired where a person signed in too long ago for what is dangerous."""
    actor.require_recent()


def guard_administrator(uow: IdentityWork, user: User) -> None:
    """Have the commit refused with LastAdministrator where `user` is an administrator and none would remain."""
    if ADMIN.name in user.roles:
        uow.guard(LAST_ADMINISTRATOR, user.id)
