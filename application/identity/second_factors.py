"""What sign-in and re-authentication ask for beside the password, where somebody has a second factor."""

from dataclasses import dataclass
from uuid import UUID

from application.identity.factor_ports import FactorWork, RecoveryCodeTexts, TotpCodes
from application.identity.sessions import settled
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.identity.errors import InvalidGrant, SecondFactorRequired
from domain.identity.second_factors import TotpFactor
from domain.identity.sessions import Method
from domain.shared.actor import Actor

TOTP, RECOVERY_CODE = "totp", "recovery_code"


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown beside the password: a code of the authenticator app or a recovery code."""

    code: str | None = None

    @property
    def is_nothing(self) -> bool:
        return self.code is None


class SecondFactors:
    """Checks second factors. Nothing of it is said to those who have not shown the right password."""

    def __init__(
        self, work: Work[FactorWork], clock: Clock, totp_codes: TotpCodes, recovery_texts: RecoveryCodeTexts
    ) -> None:
        self._work, self._clock = work, clock
        self._totp_codes, self._recovery_texts = totp_codes, recovery_texts

    async def prove(self, actor: Actor, user_id: UUID, shown: Shown) -> tuple[Method, ...]:
        """How a user whose password was right has signed in then; the password alone where there is no second factor.

        Raises SecondFactorRequired where nothing was shown, InvalidGrant where it is wrong or was used before.
        """
        async with self._work(Operation("session.start", actor)) as uow:
            totp = await uow.totp_factors.find(user_id)
        if totp is None or not totp.is_active:
            return (Method.PASSWORD,)
        if shown.code is None:
            raise SecondFactorRequired((TOTP, RECOVERY_CODE))
        return Method.PASSWORD, await self._by_code(actor, totp, shown.code), Method.SEVERAL

    async def _by_code(self, actor: Actor, totp: TotpFactor, code: str) -> Method:
        code_hash = self._recovery_texts.hash_of(code)
        if code_hash is not None:
            await settled(lambda: self._spend_recovery_code(actor, totp.id, code_hash))
            return Method.RECOVERY_CODE
        step = self._totp_codes.step_of(totp.secret_sealed, totp.id, code, self._clock.now())
        async with self._work(Operation("totp.spend", actor)) as uow:
            if step is None or not await uow.totp_factors.spend(totp.id, step):
                raise InvalidGrant()
        return Method.CODE

    async def _spend_recovery_code(self, actor: Actor, user_id: UUID, code_hash: str) -> None:
        async with self._work(Operation("recovery_code.use", actor)) as uow:
            codes = await uow.recovery_codes.find(user_id)
            if codes is None or not codes.use(code_hash, self._clock.now()):
                raise InvalidGrant()
            await uow.commit(None)


async def remove_recovery_codes(uow: FactorWork, user_id: UUID, clock: Clock) -> None:
    """Within a work that the caller commits: with the last second factor go the codes that stand in for it."""
    codes = await uow.recovery_codes.find(user_id)
    if codes is not None:
        codes.remove(clock.now())
        uow.recovery_codes.remove(codes)
