"""The mail worker's use case: what was asked for becomes a token and a mail, or nothing, and nobody who asked sees
which."""

from collections.abc import Awaitable, Callable

from application.identity.letters import Letters
from application.identity.links import LinkContent, Links
from application.identity.mail_requests import Letter, MailRequest, MailRequests
from application.identity.ports import IdentityWork
from application.shared.jobs import JobTicket
from application.shared.mail import Mail, Mailer, MailRefused
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.one_time_tokens import TokenPurpose
from domain.identity.users import User, UserKind
from domain.shared.actor import anonymous, system_actor
from domain.shared.errors import FastOpsError, StaleVersion

UNREADABLE = "The request cannot be read any more; was MASTER_KEY changed?"
Draft = tuple[Letter, str, str | None]
"""Letter, address and token; no token in letters that only tell of something."""


class AccountMailService:
    """Works off one job at a time. Each try makes a new token, so that none is ever kept but as its hash."""

    def __init__(
        self,
        work: Work[IdentityWork],
        clock: Clock,
        requests: MailRequests,
        links: Links,
        letters: Letters,
        mailer: Mailer,
        *,
        open_to_all: bool,
    ) -> None:
        self._work, self._clock, self._requests, self._links = work, clock, requests, links
        self._letters, self._mailer, self._open_to_all = letters, mailer, open_to_all

    async def deliver(self, ticket: JobTicket) -> None:
        """Send what the job asks for and forget the job; try again later where a part is down. Raises nothing that
        waiting cures."""
        try:
            mail = await self.prepare(self._requests.read(ticket.payload))
            if mail is not None:
                await self._mailer.send(mail)
        except ValueError:
            await self._end(lambda uow: uow.jobs.fail(ticket, "mail_unreadable", UNREADABLE))
        except MailRefused as error:
            code, reason = error.code, error.detail
            await self._end(lambda uow: uow.jobs.fail(ticket, code, reason))
        except FastOpsError as error:
            code, reason = error.code, error.detail
            await self._end(lambda uow: uow.jobs.retry_later(ticket, code, reason))
        else:
            await self._end(lambda uow: uow.jobs.forget(ticket))

    async def prepare(self, request: MailRequest) -> Mail | None:
        """The mail that a request leads to, its token kept; None where there is nothing to say to anybody."""

        async def attempt() -> Draft | None:
            async with self._work(Operation(f"mail.{request.letter.value}", anonymous(request.origin))) as uow:
                draft = await self._draft(uow, request)
                return await uow.commit(draft) if draft is not None else None

        draft = await settled(attempt)
        return None if draft is None else self._letters.write(*draft)

    async def _draft(self, uow: IdentityWork, request: MailRequest) -> Draft | None:
        match request.letter:
            case Letter.REGISTER:
                return await self._register(uow, request)
            case Letter.VERIFY_EMAIL:
                return await self._verify(uow, request)
            case Letter.RESET_PASSWORD:
                user = await _person(uow, request)
                return None if user is None else await self._for_user(uow, Letter.RESET_PASSWORD, user)
            case Letter.INVITATION:
                user = await _person(uow, request)
                return None if user is None or await has_joined(uow, user) else await self._invite(uow, user)
            case Letter.CHANGE_EMAIL:
                return await self._change(uow, request)
            case notice:
                return notice, request.email, None

    async def _register(self, uow: IdentityWork, request: MailRequest) -> Draft | None:
        """Whoever is invited is invited again; whoever has an account is told so, at the address that it has."""
        known = await uow.users.by_email(request.email)
        if known is not None:
            if not known.is_active or known.kind is UserKind.SERVICE:
                return None
            joined = await has_joined(uow, known)
            return (Letter.ALREADY_REGISTERED, known.email, None) if joined else await self._invite(uow, known)
        if not self._open_to_all:
            return None
        content = LinkContent(email=request.email, name=request.name, password_hash=request.password_hash)
        return await self._open_registration(uow, content)

    async def _verify(self, uow: IdentityWork, request: MailRequest) -> Draft | None:
        user = await _person(uow, request)
        if user is not None:
            return None if user.email_verified else await self._for_user(uow, Letter.VERIFY_EMAIL, user)
        waiting = await self._links.pending(uow, request.email) if self._open_to_all else None
        return None if waiting is None else await self._open_registration(uow, waiting)

    async def _open_registration(self, uow: IdentityWork, content: LinkContent) -> Draft | None:
        token = await self._links.register(uow, content, self._clock.now())
        return None if token is None else (Letter.REGISTER, content.email, token)

    async def _change(self, uow: IdentityWork, request: MailRequest) -> Draft | None:
        user = await _person(uow, request)
        if user is None or await uow.users.by_email(request.email) is not None:
            return None
        content = LinkContent(email=request.email, before=user.email)
        return await self._issue(uow, Letter.CHANGE_EMAIL, user, content)

    async def _invite(self, uow: IdentityWork, user: User) -> Draft:
        return await self._for_user(uow, Letter.INVITATION, user)

    async def _for_user(self, uow: IdentityWork, letter: Letter, user: User) -> Draft:
        return await self._issue(uow, letter, user, LinkContent(email=user.email))

    async def _issue(self, uow: IdentityWork, letter: Letter, user: User | None, content: LinkContent) -> Draft:
        purpose = TokenPurpose(letter.value)
        return letter, content.email, await self._links.issue(uow, purpose, user, content, self._clock.now())

    async def _end(self, end: Callable[[IdentityWork], Awaitable[object]]) -> None:
        """End the job one way or another; a claim that was lost meanwhile is another worker's to end."""
        try:
            async with self._work(Operation("mail.send", system_actor("mail"))) as uow:
                await end(uow)
                await uow.commit(None)
        except StaleVersion:
            return


async def _person(uow: IdentityWork, request: MailRequest) -> User | None:
    """Whom a request is about, unless that account is shut out or no person's."""
    user = await uow.users.find(request.user_id) if request.user_id else await uow.users.by_email(request.email)
    return user if user is not None and user.is_active and user.kind is UserKind.PERSON else None


async def has_joined(uow: IdentityWork, user: User) -> bool:
    """Whether somebody has signed in, or could; the others are invited."""
    return user.email_verified or await uow.passwords.find(user.id) is not None
