"""What the link in a mail does: it shows that somebody reads the mails of an address, once."""

from application.identity.factor_ports import FactorWork
from application.identity.links import LinkContent, Links, OpenLink
from application.identity.mail_requests import Letter, MailRequest, MailRequests
from application.identity.passwords import PasswordKeeper, has_second_factor, put_password
from application.identity.ports import IdentityWork, SignInThrottle
from application.identity.sessions import end_sessions, sweep_sessions
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.credentials import PasswordCredential
from domain.identity.errors import EmailTaken, LinkInvalid, PasswordRefused
from domain.identity.one_time_tokens import TokenPurpose
from domain.identity.roles import VIEWER
from domain.identity.users import User
from domain.shared.actor import Actor, ActorType, Origin, anonymous
from domain.shared.errors import Violation
from domain.shared.values import Instant

FOR_ADDRESSES = (TokenPurpose.REGISTER, TokenPurpose.VERIFY_EMAIL, TokenPurpose.CHANGE_EMAIL)

WHOSE = "Several people may have asked for an account with this address: send the password that you chose in yours."


class ConfirmationService:
    """Every verb raises LinkInvalid for a token that is unknown, used, expired, replaced or of another purpose."""

    def __init__(
        self,
        work: Work[FactorWork],
        clock: Clock,
        passwords: PasswordKeeper,
        links: Links,
        requests: MailRequests,
        throttle: SignInThrottle,
    ) -> None:
        self._work, self._clock, self._passwords = work, clock, passwords
        self._links, self._requests, self._throttle = links, requests, throttle

    async def confirm_email(self, origin: Origin, *, token: str, password: str | None = None) -> None:
        """Take an address as proven: that of an account, its new one, or that of somebody who registers, whose account
        is made. Raises EmailTaken where another account got the address meanwhile.

        Where several people may have asked for an account with the address, `password` tells whose it becomes. Raises
        PasswordRefused where it fits none of them, and RateLimited and Unavailable as a sign-in does; the link stays.
        """
        asked = await self._asked(origin, token, password)

        async def attempt() -> None:
            async with self._work(Operation("account.confirm_email", anonymous(origin))) as uow:
                link, now = await self._links.open(uow, token, *FOR_ADDRESSES), self._clock.now()
                self._links.spend(uow, link, now)
                if link.user is None:
                    await self._register(uow, link, asked or link.content, now)
                elif link.content.before is not None:
                    await self._change_address(uow, link.user, link, origin)
                else:
                    link.user.verify_email(now)
                await uow.commit(None)

        try:
            await settled(attempt)
        except EmailTaken:
            async with self._work(Operation("account.get", anonymous(origin))) as uow:
                await self._links.open(uow, token, *FOR_ADDRESSES)  # another use of it may have been faster
            raise

    async def _asked(self, origin: Origin, token: str, password: str | None) -> LinkContent | None:
        """Which registration the reader of the mail has asked for, where there were several."""
        async with self._work(Operation("account.get", anonymous(origin))) as uow:
            link = await self._links.open(uow, token, *FOR_ADDRESSES)
            if link.user is not None:
                return None
            if self._clock.now() >= link.token.expires_at:
                raise LinkInvalid()
            email = link.content.email
            others = [one for one in await self._links.registrations(uow, email) if one.id != link.token.id]
            open_others = [one for one in others if self._clock.now() < one.expires_at]
            if not link.content.contested and not open_others:
                return None
            asked = [link.content, *(self._links.content(one) for one in others)]
        if password is not None:
            await self._throttle.arrive(origin.client_address, email)
            for content in asked:
                if (await self._passwords.verify(password, content.password_hash))[0]:
                    await self._throttle.give_back(origin.client_address, email)
                    return content
        raise PasswordRefused(violations=[Violation("/password", "registration_password", WHOSE)])

    async def reset_password(self, origin: Origin, *, token: str, password: str) -> None:
        """Put a new password in place. All sessions end, and all other links of the account are void.

        Raises PasswordRefused, Unavailable, and PasswordTooShort where the second factor goes at this moment; all leave
        the link as it was.
        """
        await self._choose_password(origin, TokenPurpose.RESET_PASSWORD, token, password)

    async def accept_invitation(self, origin: Origin, *, token: str, password: str) -> None:
        """Choose the first password of an account. Raises PasswordRefused and Unavailable as above."""
        await self._choose_password(origin, TokenPurpose.INVITATION, token, password)

    async def _choose_password(self, origin: Origin, purpose: TokenPurpose, token: str, password: str) -> None:
        user, second_factor = await self._holder(origin, purpose, token)
        new_hash = await self._passwords.hash(password, name=user.name, email=user.email, second_factor=second_factor)
        operation = Operation(f"account.{purpose.value}", _person(user, origin))

        async def attempt() -> None:
            async with self._work(operation) as uow:
                link, now = await self._links.open(uow, token, purpose), self._clock.now()
                if link.user is None:
                    raise LinkInvalid()
                self._links.spend(uow, link, now)
                await put_password(uow, link.user.id, new_hash, now, is_short=self._passwords.is_short(password))
                link.user.verify_email(now)
                await end_sessions(uow, link.user.id, now)
                await self._void_others(uow, link.user)
                self._tell(uow, Letter.PASSWORD_CHANGED, link.user.email, origin)
                await uow.commit(None)

        await settled(attempt)
        await sweep_sessions(self._work, operation.actor, user.id, self._clock)

    async def _holder(self, origin: Origin, purpose: TokenPurpose, token: str) -> tuple[User, bool]:
        """Whose link it is, and whether a sign-in of theirs takes more than the password."""
        async with self._work(Operation("account.get", anonymous(origin))) as uow:
            link = await self._links.open(uow, token, purpose)
            if link.user is None or self._clock.now() >= link.token.expires_at:
                raise LinkInvalid()
            return link.user, await has_second_factor(uow, link.user.id)

    async def _change_address(self, uow: IdentityWork, user: User, link: OpenLink, origin: Origin) -> None:
        now = self._clock.now()
        if await uow.users.by_email(link.content.email) is not None:
            raise EmailTaken()
        user.change_email(link.content.email, now)
        user.verify_email(now)
        self._tell(uow, Letter.EMAIL_CHANGED, link.content.before or "", origin)

    async def _register(self, uow: IdentityWork, link: OpenLink, content: LinkContent, now: Instant) -> None:
        """Make the account that was asked for, with the role `viewer`; the other registrations of its address are void.
        Raises EmailTaken."""
        if content.name is None or content.password_hash is None:
            raise LinkInvalid()
        if await uow.users.by_email(content.email) is not None:
            raise EmailTaken()
        user = User.register(name=content.name, email=content.email, at=now, roles=frozenset({VIEWER.name}))
        user.verify_email(now)
        uow.users.add(user)
        uow.passwords.add(PasswordCredential.set(user.id, content.password_hash, now))
        for other in await self._links.registrations(uow, content.email):
            if other.id != link.token.id:
                uow.one_time_tokens.remove(other)

    @staticmethod
    async def _void_others(uow: IdentityWork, user: User) -> None:
        for other in await uow.one_time_tokens.of_user(user.id):
            uow.one_time_tokens.remove(other)

    def _tell(self, uow: IdentityWork, letter: Letter, email: str, origin: Origin) -> None:
        self._requests.queue(uow.jobs, MailRequest(letter=letter, email=email, origin=origin))


def _person(user: User, origin: Origin) -> Actor:
    return Actor(type=ActorType.USER, id=str(user.id), name=user.name, user_id=user.id, origin=origin)
