"""How somebody who signed in too long ago can go on: by what the own account has (RFC 9470)."""

from typing import Protocol

from application.identity.factor_ports import FactorWork
from application.identity.federation import FederationService
from application.identity.federation_ports import FederationWork
from application.shared.unit_of_work import Operation, Work
from domain.shared.actor import Actor
from domain.shared.errors import ReauthenticationRequired

PASSWORD, PASSKEY, PROVIDER = "password", "passkey", "oidc"


class StepUpWork(FactorWork, FederationWork, Protocol):
    """What this can look at."""


class StepUp:
    """Makes a refusal name the ways on. Accounts differ: some have no password, some nothing else."""

    def __init__(self, work: Work[StepUpWork], federation: FederationService) -> None:
        self._work, self._federation = work, federation

    async def told(self, actor: Actor, refusal: ReauthenticationRequired) -> ReauthenticationRequired:
        """The refusal of this actor, with the ways that the account has. Raises Unavailable when the store is down."""
        user_id = actor.require_user()
        async with self._work(Operation("account.get", actor)) as uow:
            password, passkeys = await uow.passwords.find(user_id), await uow.passkeys.of_user(user_id)
            identities = await uow.identities.of_user(user_id)
        configured = {provider.name for provider in self._federation.providers()}
        providers = [name for name in dict.fromkeys(one.provider for one in identities) if name in configured]
        ways = [PASSWORD] if password is not None else []
        ways += [PASSKEY] if any(passkey.cloned_at is None for passkey in passkeys) else []
        ways += [PROVIDER] if providers else []
        return ReauthenticationRequired(refusal.max_age, ways, providers)
