"""The accounts at OpenID providers that one's own account is linked to."""

from collections.abc import Sequence
from uuid import UUID

from application.identity.factor_ports import WAY_IN
from application.identity.federation import FederationService
from application.identity.federation_ports import FederationWork
from application.identity.rights import guard_administrator, require_recent, require_session
from application.identity.views import IdentityView
from application.shared.ports import Clock
from application.shared.settling import require_version
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.identity.errors import WRONG_CODE, IdentityTaken, InvalidGrant
from domain.identity.federation import FederatedIdentity
from domain.shared.actor import Actor
from domain.shared.errors import NotFound


class IdentityService:
    """Needs no permission, only somebody signed in, and never a key. Changes need a recent sign-in."""

    def __init__(self, work: Work[FederationWork], clock: Clock, federation: FederationService) -> None:
        self._work, self._clock, self._federation = work, clock, federation

    async def list(self, actor: Actor) -> Sequence[IdentityView]:
        """One's own, oldest first."""
        require_session(actor)
        async with self._work(Operation("identity.list", actor)) as uow:
            return [IdentityView.of(identity) for identity in await uow.identities.of_user(actor.require_user())]

    async def get(self, actor: Actor, identity_id: UUID) -> IdentityView:
        """One of one's own. Raises NotFound."""
        require_session(actor)
        async with self._work(Operation("identity.get", actor)) as uow:
            return IdentityView.of(await _own(uow, actor, identity_id))

    @repeatable
    async def link(self, actor: Actor, *, code: str, verifier: str, repeat: Repeat | None = None) -> IdentityView:
        """Add the identity that a code stands for, which a sign-in with `link` has given. Raises InvalidGrant,
        IdentityTaken, and ReauthenticationRequired."""
        require_session(actor)
        require_recent(actor)
        proven = await self._federation.spend(code, verifier)
        if proven.user_id is not None:
            raise InvalidGrant(detail=WRONG_CODE)
        async with self._work(Operation("identity.link", actor, repeat)) as uow:
            if await uow.identities.by_subject(proven.identity.issuer, proven.identity.subject) is not None:
                raise IdentityTaken()
            identity = FederatedIdentity.link(
                user_id=actor.require_user(),
                provider=proven.provider,
                issuer=proven.identity.issuer,
                subject=proven.identity.subject,
                at=self._clock.now(),
            )
            uow.identities.add(identity)
            return await uow.commit(IdentityView.of(identity))

    async def unlink(self, actor: Actor, identity_id: UUID, *, expected: int | None = None) -> None:
        """Take one away; sessions that it has begun go on. Raises NotFound, StaleVersion, ReauthenticationRequired,
        and IdentityNeeded where it was the only way in."""
        require_session(actor)
        require_recent(actor)
        async with self._work(Operation("identity.unlink", actor)) as uow:
            identity = await _own(uow, actor, identity_id)
            require_version(identity, expected)
            identity.unlink(self._clock.now())
            uow.identities.remove(identity)
            guard_administrator(uow, await uow.users.get(identity.user_id))
            uow.guard(WAY_IN, identity.user_id)
            await uow.commit(None)


async def _own(uow: FederationWork, actor: Actor, identity_id: UUID) -> FederatedIdentity:
    identity = await uow.identities.find(identity_id)
    if identity is None or identity.user_id != actor.require_user():
        raise NotFound()
    return identity
