"""Help for those who have lost all their second factors."""

from uuid import UUID

from application.identity.factor_ports import CODES_STAND_IN, SHORT_PASSWORD_TOO, FactorWork
from application.identity.mail_requests import Letter, MailRequest, MailRequests
from application.identity.rights import guard_administrator, require_holding, require_recent
from application.identity.second_factors import remove_recovery_codes
from application.identity.sessions import end_sessions
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.shared.actor import Actor, Permission


class FactorReset:
    """Needs users:write. Nobody resets those who have more rights than himself."""

    def __init__(self, work: Work[FactorWork], clock: Clock, mail: MailRequests) -> None:
        self._work, self._clock, self._mail = work, clock, mail

    async def reset(self, actor: Actor, user_id: UUID) -> None:
        """Forget authenticator app, passkeys and recovery codes of a user and end all sessions: from then on the
        password alone signs in. One that is too short for that goes as well, and the user is mailed a link to choose
        another. Raises NotFound, RightsNotHeld, ReauthenticationRequired, and LastAdministrator where what goes was the
        only way in of the last one: a new password helps first."""
        actor.require(Permission.USERS_WRITE)
        require_recent(actor)

        async def attempt() -> None:
            async with self._work(Operation("user.reset_factors", actor)) as uow:
                user = await uow.users.get(user_id)
                await require_holding(uow, actor, user.roles)
                now = self._clock.now()
                totp = await uow.totp_factors.find(user_id)
                if totp is not None:
                    totp.remove(now)
                    uow.totp_factors.remove(totp)
                for passkey in await uow.passkeys.of_user(user_id):
                    passkey.remove(now)
                    uow.passkeys.remove(passkey)
                await remove_recovery_codes(uow, user_id, self._clock)
                password = await uow.passwords.find(user_id)
                if password is not None and password.is_short:
                    uow.passwords.remove(password)
                    self._mail.queue(
                        uow.jobs,
                        MailRequest(
                            letter=Letter.RESET_PASSWORD, email=user.email, user_id=user_id, origin=actor.origin
                        ),
                    )
                await end_sessions(uow, user_id, now)
                uow.guard(SHORT_PASSWORD_TOO, user_id)
                uow.guard(CODES_STAND_IN, user_id)
                guard_administrator(uow, user)
                await uow.commit(None)

        await settled(attempt)
