"""Checking the passkeys that people show, by WebAuthn."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from application.identity.factor_ports import (
    Assertion,
    Challenges,
    FactorWork,
    PasskeyCeremonies,
    ShownCredential,
)
from application.identity.federation_ports import SpentProofs
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.errors import WRONG_PASSKEY, InvalidGrant
from domain.identity.passkeys import Passkey
from domain.identity.sessions import Method
from domain.shared.actor import Actor, ActorType
from domain.shared.values import Instant

SIGN_IN, SECOND_FACTOR, CREATION = "sign-in", "second-factor", "creation"
ANYBODY = b""
PASSKEY_ALONE = (Method.KEY, Method.PRESENCE, Method.SEVERAL)


class PasskeyCheck:
    """Judges the answers of authenticators. A challenge works once, for what it was made for, and for five minutes."""

    def __init__(
        self,
        work: Work[FactorWork],
        clock: Clock,
        ceremonies: PasskeyCeremonies,
        challenges: Challenges,
        spent: SpentProofs,
    ) -> None:
        self._work, self._clock = work, clock
        self._ceremonies, self._challenges, self._spent = ceremonies, challenges, spent

    def challenge(self, purpose: str, bound_to: bytes) -> bytes:
        return self._challenges.mint(purpose, bound_to, self._clock.now())

    def sign_in_options(self) -> Mapping[str, Any]:
        """For whoever wants to sign in: the same for everybody, because nobody is named."""
        return self._ceremonies.request_options(self.challenge(SIGN_IN, ANYBODY))

    def second_factor_options(self, user_id: UUID, passkeys: Sequence[Passkey]) -> Mapping[str, Any]:
        """For a user whose password was right."""
        return self._ceremonies.request_options(self.challenge(SECOND_FACTOR, user_id.bytes), passkeys)

    async def alone(self, actor: Actor, content: Mapping[str, Any]) -> Passkey:
        """The passkey that signs in without anything else, so its authenticator must have verified its user and named
        the account. Raises InvalidGrant."""
        shown, expires = self._fresh(content, SIGN_IN, ANYBODY)
        async with self._work(Operation("passkey.check", actor)) as uow:
            passkey = await uow.passkeys.by_credential(shown.credential_id)
        if passkey is None or shown.user_handle != passkey.user_id.bytes:
            raise InvalidGrant(detail=WRONG_PASSKEY)
        return await self._used(actor, passkey, shown, expires, verified=True)

    async def beside_password(self, actor: Actor, user_id: UUID, content: Mapping[str, Any]) -> Passkey:
        """The passkey of this user as a second factor. Raises InvalidGrant."""
        shown, expires = self._fresh(content, SECOND_FACTOR, user_id.bytes)
        async with self._work(Operation("passkey.check", actor)) as uow:
            passkey = await uow.passkeys.by_credential(shown.credential_id)
        if passkey is None or passkey.user_id != user_id:
            raise InvalidGrant(detail=WRONG_PASSKEY)
        return await self._used(actor, passkey, shown, expires, verified=False)

    async def spend(self, challenge: bytes, expires: Instant) -> bool:
        """Whether this challenge is used for the first time."""
        return await self._spent.spend(hashlib.sha256(challenge).digest(), expires)

    def read(self, content: Mapping[str, Any], purpose: str, bound_to: bytes) -> tuple[ShownCredential, Instant] | None:
        """The answer and the expiry of its challenge; None where it is not about a challenge that fits."""
        shown = self._ceremonies.read(content)
        if shown is None:
            return None
        expires = self._challenges.expiry(shown.challenge, purpose, bound_to, self._clock.now())
        return None if expires is None else (shown, expires)

    def _fresh(self, content: Mapping[str, Any], purpose: str, bound_to: bytes) -> tuple[ShownCredential, Instant]:
        found = self.read(content, purpose, bound_to)
        if found is None:
            raise InvalidGrant(detail=WRONG_PASSKEY)
        return found

    async def _used(
        self, actor: Actor, passkey: Passkey, shown: ShownCredential, expires: Instant, *, verified: bool
    ) -> Passkey:
        """Count the use of a passkey with a right signature; that it was cloned is kept before it is refused."""
        assertion = self._ceremonies.asserted(shown, passkey.public_key)
        refusal = InvalidGrant(detail=WRONG_PASSKEY).about("user", passkey.user_id)
        if assertion is None or (verified and not assertion.user_verified):
            raise refusal
        if not await self.spend(shown.challenge, expires):
            raise refusal
        if not await settled(lambda: self._count(_owner(passkey, actor), passkey.id, assertion)):
            raise refusal
        return passkey

    async def _count(self, actor: Actor, passkey_id: UUID, assertion: Assertion) -> bool:
        async with self._work(Operation("passkey.use", actor)) as uow:
            passkey = await uow.passkeys.find(passkey_id)
            if passkey is None:
                return False
            accepted = passkey.use(assertion.sign_count, backed_up=assertion.backed_up, at=self._clock.now())
            return await uow.commit(accepted)


def _owner(passkey: Passkey, actor: Actor) -> Actor:
    """Whoever has shown a right signature acts as the owner of the key."""
    user_id = passkey.user_id
    return Actor(type=ActorType.USER, id=str(user_id), name=actor.name, user_id=user_id, origin=actor.origin)
