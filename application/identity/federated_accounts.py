"""Which account somebody has whom a provider has proven, and which roles that one has from now on."""

from uuid import UUID

from application.identity.federation_ports import FederationWork
from application.identity.ports import ROLES_IN_PLACE
from application.identity.rights import guard_administrator, roles_named
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.identity.errors import AccountDisabled, AccountUnknown, LastAdministrator
from domain.identity.federation import FederatedIdentity, ProvenIdentity, ProviderPolicy, new_person
from domain.identity.roles import ADMIN, BUILT_IN
from domain.identity.users import User
from domain.shared.actor import Origin, system_actor
from domain.shared.errors import Conflict, StaleVersion

TRIES = 5


class FederatedAccounts:
    """Finds, links and makes accounts. Acts as `system:oidc`, with the request that it happened in."""

    def __init__(self, work: Work[FederationWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    async def account_of(self, origin: Origin, provider: str, policy: ProviderPolicy, proven: ProvenIdentity) -> UUID:
        """The user who this is, with the roles that the provider's claims give.

        The last administrator stays one, whatever the claims say. Raises AccountUnknown where nobody here is linked
        and the policy neither links nor lets in, and AccountDisabled.
        """
        kept: frozenset[str] = frozenset()
        for _ in range(TRIES):
            try:
                return await self._attempt(origin, provider, policy, proven, kept)
            except LastAdministrator:
                kept = frozenset({ADMIN.name})
            except (StaleVersion, Conflict):
                continue  # somebody was faster; what is there now decides
        return await self._attempt(origin, provider, policy, proven, kept)

    async def _attempt(
        self, origin: Origin, provider: str, policy: ProviderPolicy, proven: ProvenIdentity, kept: frozenset[str]
    ) -> UUID:
        async with self._work(Operation("identity.sign_in", system_actor("oidc", origin))) as uow:
            if not policy.admits(proven):
                raise AccountUnknown()
            linked = await uow.identities.by_subject(proven.issuer, proven.subject)
            user = await uow.users.find(linked.user_id) if linked else await self._unlinked(uow, policy, proven)
            if user is None:
                if linked is None and await uow.identities.by_subject(proven.issuer, proven.subject):
                    raise StaleVersion()  # linked between the look for it and the look for the address
                raise AccountUnknown()
            if not user.is_active:
                raise AccountDisabled()
            changed = await self._give_roles(uow, user, policy, proven, kept)
            if linked is None:
                uow.identities.add(
                    FederatedIdentity.link(
                        user_id=user.id,
                        provider=provider,
                        issuer=proven.issuer,
                        subject=proven.subject,
                        at=self._clock.now(),
                    )
                )
            if changed or linked is None:
                await uow.commit(None)
            return user.id

    async def _unlinked(self, uow: FederationWork, policy: ProviderPolicy, proven: ProvenIdentity) -> User | None:
        """The account that the policy links or makes for somebody who comes for the first time."""
        email = proven.verified_email
        known = await uow.users.by_email(email) if email else None
        if known is not None:
            return known if policy.owns(known, proven) else None
        if not policy.admits_new:
            return None
        roles = frozenset(role.name for role in await roles_named(uow, policy.new_roles))
        user = new_person(proven, roles, self._clock.now())
        if user is not None:
            uow.users.add(user)
            _guard_given(uow, user, roles)
        return user

    async def _give_roles(
        self, uow: FederationWork, user: User, policy: ProviderPolicy, proven: ProvenIdentity, kept: frozenset[str]
    ) -> bool:
        """Whether roles came or went. Names of roles that are not there give nothing."""
        wanted = policy.roles_after(user.roles, proven) | (kept & user.roles)
        there = frozenset(role.name for role in await roles_named(uow, wanted - user.roles))
        roles = (wanted & user.roles) | there
        if roles == user.roles:
            return False
        if ADMIN.name in user.roles - roles:
            guard_administrator(uow, user)
        _guard_given(uow, user, roles - user.roles)
        user.set_roles(roles, self._clock.now())
        return True


def _guard_given(uow: FederationWork, user: User, given: frozenset[str]) -> None:
    if given - BUILT_IN.keys():
        uow.guard(ROLES_IN_PLACE, user.id)
