"""What sign-in and re-authentication ask for beside the password, where somebody has a second factor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.identity.factor_ports import CODES_STAND_IN, SHORT_PASSWORD, FactorWork, RecoveryCodeTexts, TotpCodes
from application.identity.passkey_check import PasskeyCheck
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.errors import WRONG_PASSWORD, InvalidGrant, SecondFactorRequired
from domain.identity.second_factors import TotpFactor
from domain.identity.sessions import Method
from domain.shared.actor import Actor

TOTP, PASSKEY, RECOVERY_CODE = "totp", "passkey", "recovery_code"
BESIDE_PASSWORD = (Method.PASSWORD, Method.KEY, Method.PRESENCE, Method.SEVERAL)


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown beside the password: a code (of the authenticator app, or a recovery code), or a passkey."""

    code: str | None = None
    passkey: Mapping[str, Any] | None = None


class SecondFactors:
    """Checks second factors. Nothing of it is said to those who have not shown the right password."""

    def __init__(
        self,
        work: Work[FactorWork],
        clock: Clock,
        totp_codes: TotpCodes,
        recovery_texts: RecoveryCodeTexts,
        passkeys: PasskeyCheck,
    ) -> None:
        self._work, self._clock, self._passkeys = work, clock, passkeys
        self._totp_codes, self._recovery_texts = totp_codes, recovery_texts

    async def prove(self, actor: Actor, user_id: UUID, shown: Shown) -> tuple[Method, ...]:
        """How a user whose password was right has signed in then; the password alone where there is no second factor.

        Raises SecondFactorRequired where nothing was shown, InvalidGrant where it is wrong or was used before.
        """
        async with self._work(Operation("session.start", actor)) as uow:
            totp, passkeys = await uow.totp_factors.find(user_id), await uow.passkeys.of_user(user_id)
        app = totp if totp is not None and totp.is_active else None
        if app is None and not passkeys:
            return (Method.PASSWORD,)
        if shown.passkey is not None:
            try:
                await self._passkeys.beside_password(actor, user_id, shown.passkey)
            except InvalidGrant:  # in the same words as a wrong password
                raise _wrong(user_id) from None
            return BESIDE_PASSWORD
        if shown.code is not None:
            return Method.PASSWORD, await self._by_code(actor, user_id, app, shown.code), Method.SEVERAL
        factors = [*([TOTP] if app else []), *([PASSKEY] if passkeys else []), RECOVERY_CODE]
        options = self._passkeys.second_factor_options(user_id, passkeys) if passkeys else None
        raise SecondFactorRequired(tuple(factors), options)

    async def _by_code(self, actor: Actor, user_id: UUID, app: TotpFactor | None, code: str) -> Method:
        code_hash = self._recovery_texts.hash_of(code)
        if code_hash is not None:
            await settled(lambda: self._spend_recovery_code(actor, user_id, code_hash))
            return Method.RECOVERY_CODE
        step = self._totp_codes.step_of(app.secret_sealed, user_id, code, self._clock.now()) if app else None
        async with self._work(Operation("totp.spend", actor)) as uow:
            if step is None or not await uow.totp_factors.spend(user_id, step):
                raise _wrong(user_id)
        return Method.CODE

    async def _spend_recovery_code(self, actor: Actor, user_id: UUID, code_hash: str) -> None:
        async with self._work(Operation("recovery_code.use", actor)) as uow:
            codes = await uow.recovery_codes.find(user_id)
            if codes is None or not codes.use(code_hash, self._clock.now()):
                raise _wrong(user_id)
            await uow.commit(None)


def _wrong(user_id: UUID) -> InvalidGrant:
    return InvalidGrant(detail=WRONG_PASSWORD).about("user", user_id)


def guard_factors(uow: FactorWork, user_id: UUID) -> None:
    """Have the commit of a removal see what else goes at the same moment. It raises PasswordTooShort where the password
    is none to sign in with alone, and StaleVersion where the recovery codes have to go too."""
    uow.guard(SHORT_PASSWORD, user_id)
    uow.guard(CODES_STAND_IN, user_id)


async def remove_recovery_codes(uow: FactorWork, user_id: UUID, clock: Clock) -> None:
    """Within a work that the caller commits: with the last second factor go the codes that stand in for it."""
    codes = await uow.recovery_codes.find(user_id)
    if codes is not None:
        codes.remove(clock.now())
        uow.recovery_codes.remove(codes)
