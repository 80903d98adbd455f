"""The own account: what everybody may see and change of himself."""

from uuid import UUID

from application.identity.factor_ports import FactorWork
from application.identity.mail_requests import Letter, MailRequest, MailRequests
from application.identity.passwords import PasswordKeeper, has_second_factor, put_password
from application.identity.ports import IdentityLists, IdentityWork, SignInThrottle
from application.identity.rights import require_recent, require_session
from application.identity.sessions import end_sessions, sweep_sessions
from application.identity.views import SessionView, UserView
from application.shared.ports import Clock
from application.shared.settling import require_version, settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.credentials import PasswordCredential
from domain.identity.errors import PasswordRefused
from domain.identity.sessions import Session, SessionEnd
from domain.identity.users import User, normal_email, normal_name
from domain.shared.actor import Actor
from domain.shared.errors import NotFound, Violation
from domain.shared.values import ListQuery, Page


class AccountService:
    """Needs no permission, only somebody signed in. API keys may see the account and change nothing of it."""

    def __init__(
        self,
        work: Work[FactorWork],
        lists: IdentityLists,
        clock: Clock,
        passwords: PasswordKeeper,
        throttle: SignInThrottle,
        mail: MailRequests,
    ) -> None:
        self._work, self._lists, self._clock = work, lists, clock
        self._passwords, self._throttle, self._mail = passwords, throttle, mail

    async def me(self, actor: Actor) -> UserView:
        """The account of the actor, or of the owner of the key."""
        user_id = actor.require_user()
        async with self._work(Operation("account.get", actor)) as uow:
            return UserView.of(await uow.users.get(user_id))

    async def change(
        self, actor: Actor, *, name: str, email: str | None = None, expected: int | None = None
    ) -> UserView:
        """Take another name, and ask for another address where one is given. That one is taken over once the link in
        the mail to it is used; the account stays as it is until then, and so it does where the address is another's.

        Raises StaleVersion, and for another address ReauthenticationRequired, MailOff and RateLimited.
        """
        require_session(actor)
        async with self._work(Operation("account.change", actor)) as uow:
            user = await uow.users.get(actor.require_user())
            require_version(user, expected)
            if normal_name(name) != user.name:
                user.rename(name, self._clock.now())
            if email is not None and normal_email(email) != user.email:
                await self._ask_for_address(uow, actor, user, normal_email(email))
            return await uow.commit(UserView.of(user))

    async def change_password(self, actor: Actor, current: str, new: str) -> None:
        """Replace the password; all other sessions end. Raises PasswordRefused where the current one is wrong or the
        new one breaks a rule, PasswordTooShort where its second factor goes at this moment, ReauthenticationRequired,
        and RateLimited and Unavailable as a sign-in does."""
        require_session(actor)
        require_recent(actor)
        user, credential, second_factor = await self._credential(actor)
        await self._require_current(actor, user, credential, current)
        new_hash = await self._passwords.hash(
            new, name=user.name, email=user.email, second_factor=second_factor, pointer="/new_password"
        )

        async def attempt() -> None:
            async with self._work(Operation("account.change_password", actor)) as uow:
                stored = await uow.passwords.find(user.id)
                if stored is None or credential is None or stored.version != credential.version:
                    raise _wrong_current()
                now = self._clock.now()
                await put_password(uow, user.id, new_hash, now, is_short=self._passwords.is_short(new))
                await end_sessions(uow, user.id, now, keep=actor.session_id)
                notice = MailRequest(letter=Letter.PASSWORD_CHANGED, email=user.email, origin=actor.origin)
                self._mail.queue(uow.jobs, notice)
                await uow.commit(None)

        await settled(attempt)
        await sweep_sessions(self._work, actor, user.id, self._clock, keep=actor.session_id)

    async def sessions(self, actor: Actor, query: ListQuery) -> Page[SessionView]:
        """The own sessions that have not ended. Sorts: created_at."""
        require_session(actor)
        return await self._lists.sessions(actor.require_user(), query)

    async def session(self, actor: Actor, session_id: UUID) -> SessionView:
        """One of the own sessions. Raises NotFound for others' and for those that have ended."""
        require_session(actor)
        async with self._work(Operation("account.get", actor)) as uow:
            return SessionView.of(await _own_session(uow, actor, session_id))

    async def end_session(self, actor: Actor, session_id: UUID) -> None:
        """Sign out one of the own sessions; another one than this needs a recent sign-in. Raises NotFound for others'
        and for those that have ended."""
        require_session(actor)
        if session_id != actor.session_id:
            require_recent(actor)

        async def attempt() -> None:
            async with self._work(Operation("session.end", actor)) as uow:
                session = await _own_session(uow, actor, session_id)
                session.end(SessionEnd.SIGNED_OUT, self._clock.now())
                await uow.commit(None)

        await settled(attempt)

    async def end_other_sessions(self, actor: Actor) -> None:
        """Sign out everywhere but here; needs a recent sign-in."""
        require_session(actor)
        require_recent(actor)
        await sweep_sessions(self._work, actor, actor.require_user(), self._clock, keep=actor.session_id)

    async def _ask_for_address(self, uow: IdentityWork, actor: Actor, user: User, email: str) -> None:
        require_recent(actor)
        self._mail.require_on()
        await self._mail.count(actor.origin, email)
        request = MailRequest(letter=Letter.CHANGE_EMAIL, email=email, user_id=user.id, origin=actor.origin)
        self._mail.queue(uow.jobs, request)

    async def _credential(self, actor: Actor) -> tuple[User, PasswordCredential | None, bool]:
        async with self._work(Operation("account.get", actor)) as uow:
            user = await uow.users.get(actor.require_user())
            return user, await uow.passwords.find(user.id), await has_second_factor(uow, user.id)

    async def _require_current(
        self, actor: Actor, user: User, credential: PasswordCredential | None, current: str
    ) -> None:
        """A stolen token must not serve to guess the password: this counts as a sign-in attempt."""
        address = actor.origin.client_address
        await self._throttle.arrive(address, user.email)
        fits, _ = await self._passwords.verify(current, credential.password_hash if credential else None)
        if not fits:
            raise _wrong_current()
        await self._throttle.succeeded(address, user.email)


async def _own_session(uow: IdentityWork, actor: Actor, session_id: UUID) -> Session:
    session = await uow.sessions.find(session_id)
    if session is None or session.user_id != actor.user_id or session.ended_at is not None:
        raise NotFound()
    return session


def _wrong_current() -> PasswordRefused:
    detail = "This is not your current password."
    return PasswordRefused(violations=[Violation("/current_password", "wrong_password", detail)])
