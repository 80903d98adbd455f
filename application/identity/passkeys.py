"""One's own passkeys, and signing in with one alone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from application.identity.factor_ports import WAY_IN, FactorWork, PasskeyCeremonies
from application.identity.passkey_check import CREATION, PASSKEY_ALONE, PasskeyCheck
from application.identity.rights import guard_administrator, require_recent, require_session
from application.identity.second_factors import guard_factors, remove_recovery_codes
from application.identity.session_starts import SessionStarts
from application.identity.views import PasskeyView, TokenPair
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.identity.errors import WRONG_PASSKEY, InvalidGrant, PasskeyKnown, PasskeyRefused
from domain.identity.passkeys import PASSKEYS_MAX, Credential, Passkey
from domain.identity.sessions import Authentication
from domain.shared.actor import Actor, Origin, anonymous
from domain.shared.errors import NotFound, RuleBroken


class PasskeyService:
    """For whoever is signed in; API keys do not come near it. Changes need a recent sign-in."""

    def __init__(
        self,
        work: Work[FactorWork],
        clock: Clock,
        check: PasskeyCheck,
        ceremonies: PasskeyCeremonies,
        starts: SessionStarts,
    ) -> None:
        self._work, self._clock = work, clock
        self._check, self._ceremonies, self._starts = check, ceremonies, starts

    async def list(self, actor: Actor) -> list[PasskeyView]:
        """The own passkeys, oldest first."""
        require_session(actor)
        async with self._work(Operation("passkey.list", actor)) as uow:
            return [PasskeyView.of(passkey) for passkey in await uow.passkeys.of_user(actor.require_user())]

    async def options(self, actor: Actor) -> Mapping[str, Any]:
        """What a browser needs to make a passkey; its challenge is good for this session."""
        require_session(actor)
        require_recent(actor)
        async with self._work(Operation("passkey.options", actor)) as uow:
            user = await uow.users.get(actor.require_user())
            known = await uow.passkeys.of_user(user.id)
        return self._ceremonies.creation_options(user, self._check.challenge(CREATION, _session(actor)), known)

    @repeatable
    async def add(
        self, actor: Actor, *, label: str, content: Mapping[str, Any], repeat: Repeat | None = None
    ) -> PasskeyView:
        """Keep what the browser has made. Raises PasskeyRefused, PasskeyKnown, and RuleBroken `passkeys_full`."""
        require_session(actor)
        require_recent(actor)
        user_id = actor.require_user()
        async with self._work(Operation("passkey.add", actor, repeat)) as uow:
            if len(await uow.passkeys.of_user(user_id)) >= PASSKEYS_MAX:
                raise RuleBroken("passkeys_full", f"Keep at most {PASSKEYS_MAX} passkeys: remove one first.")
            credential = await self._created(actor, content)
            if await uow.passkeys.by_credential(credential.credential_id) is not None:
                raise PasskeyKnown()
            passkey = Passkey.add(user_id=user_id, label=label, credential=credential, at=self._clock.now())
            uow.passkeys.add(passkey)
            return await uow.commit(PasskeyView.of(passkey))

    async def remove(self, actor: Actor, passkey_id: UUID) -> None:
        """Forget one, and the recovery codes with the last second factor. Raises NotFound for others', and
        PasswordTooShort where the password is none to sign in with alone, IdentityNeeded where it was the only way in,
        and LastAdministrator where it was that of the last one."""
        require_session(actor)
        require_recent(actor)
        user_id = actor.require_user()

        async def attempt() -> None:
            async with self._work(Operation("passkey.remove", actor)) as uow:
                mine = await uow.passkeys.of_user(user_id)
                passkey = next((one for one in mine if one.id == passkey_id), None)
                if passkey is None:
                    raise NotFound(detail="You have no passkey of this id.")
                totp = await uow.totp_factors.find(user_id)
                is_last = len(mine) == 1 and (totp is None or not totp.is_active)
                passkey.remove(self._clock.now())
                uow.passkeys.remove(passkey)
                guard_administrator(uow, await uow.users.get(user_id))
                guard_factors(uow, user_id)
                uow.guard(WAY_IN, user_id)
                if is_last:
                    await remove_recovery_codes(uow, user_id, self._clock)
                await uow.commit(None)

        await settled(attempt)

    def sign_in_options(self) -> Mapping[str, Any]:
        """What a browser needs to sign somebody in; the same for everybody."""
        return self._check.sign_in_options()

    async def sign_in(self, origin: Origin, content: Mapping[str, Any], user_agent: str | None = None) -> TokenPair:
        """The tokens of whoever the passkey belongs to. Raises InvalidGrant, whatever the cause."""
        passkey = await self._check.alone(anonymous(origin), content)
        authentication = Authentication(self._clock.now(), PASSKEY_ALONE)
        try:
            return await self._starts.begin(origin, passkey.user_id, authentication, user_agent)
        except InvalidGrant:
            raise InvalidGrant(detail=WRONG_PASSKEY).about("user", passkey.user_id) from None

    async def _created(self, actor: Actor, content: Mapping[str, Any]) -> Credential:
        found = self._check.read(content, CREATION, _session(actor))
        credential = self._ceremonies.created(found[0]) if found else None
        if found is None or credential is None or not await self._check.spend(found[0].challenge, found[1]):
            raise PasskeyRefused()
        return credential


def _session(actor: Actor) -> bytes:
    return actor.session_id.bytes if actor.session_id else b""
