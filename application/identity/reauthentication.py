"""Proving anew who one is, without signing in again: what dangerous actions ask for (RFC 9470)."""

from application.identity.authentication import access_grant
from application.identity.passkey_check import PASSKEY_ALONE, PasskeyCheck
from application.identity.passwords import PasswordKeeper
from application.identity.ports import AccessTokens, IdentityWork, SignInThrottle
from application.identity.rights import require_session, rights_in
from application.identity.second_factors import SecondFactors, Shown
from application.identity.views import AccessGrant
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.credentials import PasswordCredential
from domain.identity.errors import (
    WRONG_PASSKEY,
    WRONG_PASSWORD,
    InvalidGrant,
    SecondFactorRequired,
    TokenRefused,
)
from domain.identity.sessions import Method
from domain.identity.users import User
from domain.shared.actor import Actor


class ReauthenticationService:
    """Takes the proofs that a sign-in takes, counts wrong ones as a sign-in does, and keeps the session."""

    def __init__(
        self,
        work: Work[IdentityWork],
        clock: Clock,
        passwords: PasswordKeeper,
        tokens: AccessTokens,
        throttle: SignInThrottle,
        factors: SecondFactors,
        passkeys: PasskeyCheck,
    ) -> None:
        self._work, self._clock = work, clock
        self._passwords, self._tokens, self._throttle = passwords, tokens, throttle
        self._factors, self._passkeys = factors, passkeys

    async def reauthenticate(self, actor: Actor, *, password: str | None, shown: Shown) -> AccessGrant:
        """An access token that tells of a recent sign-in: by the password and what else a sign-in asks for, or by a
        passkey alone.

        Raises InvalidGrant and SecondFactorRequired for what a sign-in would not take, SessionRequired for API keys,
        RateLimited and Unavailable as a sign-in does.
        """
        require_session(actor)
        if password is not None:
            return await self._by_password(actor, password, shown)
        passkey = await self._passkeys.alone(actor, shown.passkey or {})
        if passkey.user_id != actor.user_id:
            raise InvalidGrant(detail=WRONG_PASSKEY)
        return await settled(lambda: self._renew(actor, PASSKEY_ALONE))

    async def _by_password(self, actor: Actor, password: str, shown: Shown) -> AccessGrant:
        user, credential = await self._account(actor)
        address = actor.origin.client_address
        await self._throttle.arrive(address, user.email)
        fits, _ = await self._passwords.verify(password, credential.password_hash if credential else None)
        if not fits:
            raise InvalidGrant(detail=WRONG_PASSWORD)
        try:
            methods = await self._factors.prove(actor, user.id, shown)
        except SecondFactorRequired:
            await self._throttle.give_back(address, user.email)
            raise
        grant = await settled(lambda: self._renew(actor, methods))
        await self._throttle.succeeded(address, user.email)
        return grant

    async def _account(self, actor: Actor) -> tuple[User, PasswordCredential | None]:
        async with self._work(Operation("account.get", actor)) as uow:
            user = await uow.users.get(actor.require_user())
            return user, await uow.passwords.find(user.id)

    async def _renew(self, actor: Actor, methods: tuple[Method, ...]) -> AccessGrant:
        now = self._clock.now()
        async with self._work(Operation("session.reauthenticate", actor)) as uow:
            session = await uow.sessions.find(actor.session_id) if actor.session_id else None
            if session is None or not session.is_live(now):
                raise TokenRefused()
            session.reauthenticate(methods, now)
            rights = await rights_in(uow, (await uow.users.get(session.user_id)).roles)
            return await uow.commit(access_grant(self._tokens, session, rights, now))
