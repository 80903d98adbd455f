"""The authenticator app of one's own account, and the recovery codes that stand in for lost factors."""

from application.identity.factor_ports import CODES_STAND_IN, FactorWork, RecoveryCodeTexts, TotpCodes
from application.identity.passwords import has_second_factor
from application.identity.ports import SignInThrottle
from application.identity.rights import require_recent, require_session
from application.identity.second_factors import guard_factors, remove_recovery_codes
from application.identity.views import RecoveryCodesView, TotpView
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.identity.errors import CodeRefused, SecondFactorMissing
from domain.identity.second_factors import RECOVERY_CODES, RecoveryCodes, TotpFactor
from domain.identity.users import User
from domain.shared.actor import Actor
from domain.shared.errors import NotFound, WrongState


class TotpService:
    """For whoever is signed in; API keys do not come near it. Changes need a recent sign-in."""

    def __init__(
        self,
        work: Work[FactorWork],
        clock: Clock,
        totp_codes: TotpCodes,
        recovery_texts: RecoveryCodeTexts,
        throttle: SignInThrottle,
    ) -> None:
        self._work, self._clock, self._throttle = work, clock, throttle
        self._totp_codes, self._recovery_texts = totp_codes, recovery_texts

    async def get(self, actor: Actor) -> TotpView:
        """Whether there is an authenticator app, and how many recovery codes are left."""
        require_session(actor)
        async with self._work(Operation("totp.get", actor)) as uow:
            return await _view(uow, await uow.totp_factors.find(actor.require_user()), actor)

    @repeatable
    async def begin(self, actor: Actor, *, repeat: Repeat | None = None) -> TotpView:
        """Make a secret for an app, shown this once; it counts when `confirm` has seen a code of it. Another one takes
        its place until then, the later of two at once. Raises WrongState `totp_active` where an app counts already."""
        require_session(actor)
        require_recent(actor)
        user_id = actor.require_user()

        async def attempt() -> TotpView:
            async with self._work(Operation("totp.begin", actor, repeat)) as uow:
                user = await uow.users.get(user_id)
                secret, sealed = self._totp_codes.mint(user_id)
                factor = await uow.totp_factors.find(user_id)
                if factor is None:
                    factor = TotpFactor.begin(user_id, sealed, self._clock.now())
                    uow.totp_factors.add(factor)
                else:
                    factor.begin_again(sealed, self._clock.now())
                uri = self._totp_codes.uri(secret, user.email)
                return await uow.commit(await _view(uow, factor, actor, secret=secret, uri=uri))

        return await settled(attempt)

    @repeatable
    async def confirm(self, actor: Actor, code: str, *, repeat: Repeat | None = None) -> TotpView:
        """Have the app count from now on, as `code` shows that it works.

        Raises CodeRefused, RateLimited where there were too many wrong ones, and WrongState `totp_not_begun`,
        `totp_active`.
        """
        require_session(actor)
        require_recent(actor)
        user = await self._user(actor)
        async with self._work(Operation("totp.confirm", actor, repeat)) as uow:
            factor = await uow.totp_factors.find(user.id)
            if factor is None:
                raise WrongState("totp_not_begun", "There is no secret to confirm: ask for one without a code first.")
            factor.confirm(self._clock.now())
            await self._spend(uow, actor, user, factor, code)
            return await uow.commit(await _view(uow, factor, actor))

    async def remove(self, actor: Actor) -> None:
        """Forget the app, and the recovery codes where no other second factor is left. Raises NotFound, and
        PasswordTooShort where the password is none to sign in with alone."""
        require_session(actor)
        require_recent(actor)

        async def attempt() -> None:
            async with self._work(Operation("totp.remove", actor)) as uow:
                factor = await uow.totp_factors.find(actor.require_user())
                if factor is None:
                    raise NotFound(detail="You have no authenticator app.")
                is_last = not await uow.passkeys.of_user(factor.id)
                if factor.is_active:
                    guard_factors(uow, factor.id)
                factor.remove(self._clock.now())
                uow.totp_factors.remove(factor)
                if is_last:
                    await remove_recovery_codes(uow, factor.id, self._clock)
                await uow.commit(None)

        await settled(attempt)

    @repeatable
    async def make_recovery_codes(self, actor: Actor, *, repeat: Repeat | None = None) -> RecoveryCodesView:
        """Ten codes, shown this once, in place of all earlier ones. Raises SecondFactorMissing."""
        require_session(actor)
        require_recent(actor)
        user_id = actor.require_user()

        async def attempt() -> RecoveryCodesView:
            async with self._work(Operation("recovery_codes.make", actor, repeat)) as uow:
                if not await has_second_factor(uow, user_id):
                    raise SecondFactorMissing()
                texts, hashes = self._recovery_texts.mint(RECOVERY_CODES)
                codes, now = await uow.recovery_codes.find(user_id), self._clock.now()
                if codes is None:
                    uow.recovery_codes.add(RecoveryCodes.make(user_id, hashes, now))
                else:
                    codes.replace(hashes, now)
                uow.guard(CODES_STAND_IN, user_id)
                return await uow.commit(RecoveryCodesView(codes=tuple(texts)))

        return await settled(attempt)

    async def _user(self, actor: Actor) -> User:
        async with self._work(Operation("account.get", actor)) as uow:
            return await uow.users.get(actor.require_user())

    async def _spend(self, uow: FactorWork, actor: Actor, user: User, factor: TotpFactor, code: str) -> None:
        """A stolen session must not serve to guess codes: this counts as a sign-in attempt."""
        address = actor.origin.client_address
        await self._throttle.arrive(address, user.email)
        step = self._totp_codes.step_of(factor.secret_sealed, user.id, code, self._clock.now())
        if step is None or not await uow.totp_factors.spend(user.id, step):
            raise CodeRefused()
        await self._throttle.give_back(address, user.email)


async def _view(
    uow: FactorWork, factor: TotpFactor | None, actor: Actor, *, secret: str | None = None, uri: str | None = None
) -> TotpView:
    codes = await uow.recovery_codes.find(actor.require_user())
    status = "off" if factor is None else "active" if factor.is_active else "pending"
    return TotpView(
        status=status,
        confirmed_at=factor.confirmed_at if factor else None,
        recovery_codes_left=len(codes.hashes) if codes else 0,
        secret=secret,
        uri=uri,
    )
