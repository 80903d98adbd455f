"""Who may give which rights: nobody hands out, or takes over, more than he holds himself."""

from collections.abc import Iterable

from domain.identity.errors import RightsNotHeld, SessionRequired, UnknownRole
from domain.identity.roles import BUILT_IN, rights_of
from domain.shared.actor import Actor, ActorType
from domain.shared.errors import Violation


def require_known(roles: Iterable[str]) -> None:
    """Raise UnknownRole unless there are roles of all these names."""
    if any(role not in BUILT_IN for role in roles):
        raise UnknownRole(violations=[Violation("/roles", "unknown_role", "Name roles that exist; see GET /roles.")])


def require_holding(actor: Actor, roles: Iterable[str]) -> None:
    """Raise RightsNotHeld unless the actor has every right that these roles add up to."""
    if not rights_of(roles).within(actor.permissions, actor.every_collection):
        raise RightsNotHeld()


def require_session(actor: Actor) -> None:
    """Raise Unauthenticated for nobody, SessionRequired for keys: a leaked key must not take its owner's account."""
    actor.require_user()
    if actor.type is not ActorType.USER:
        raise SessionRequired()
