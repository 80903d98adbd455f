"""What anybody may ask for without being signed in: an account, a proof of the address, another password.

Each request writes one job row and looks nothing up, so it is the same whether or not there is an account.
"""

from enum import StrEnum

from application.identity.mail_requests import Letter, MailRequest, MailRequests
from application.identity.passwords import PasswordKeeper
from application.identity.ports import IdentityWork
from application.shared.unit_of_work import Operation, Work
from domain.identity.errors import RegistrationClosed
from domain.identity.users import normal_email, normal_name
from domain.shared.actor import Origin, anonymous


class Registration(StrEnum):
    """Who gets an account by asking for it: nobody, whoever was invited and lost the link, or everybody."""

    CLOSED = "closed"
    INVITED = "invited"
    OPEN = "open"


class SelfService:
    """Every verb raises Invalid for what is no address, MailOff, RateLimited, and Unavailable."""

    def __init__(
        self, work: Work[IdentityWork], passwords: PasswordKeeper, requests: MailRequests, registration: Registration
    ) -> None:
        self._work, self._passwords, self._requests, self._registration = work, passwords, requests, registration

    async def register(self, origin: Origin, *, name: str, email: str, password: str) -> None:
        """Ask for an account; it is made when the link in the mail is used. Raises RegistrationClosed, and
        PasswordRefused and Unavailable as for every new password."""
        if self._registration is Registration.CLOSED:
            raise RegistrationClosed()
        address, name = await self._arrive(origin, email), normal_name(name)
        password_hash = await self._passwords.hash(password, name=name, email=address)
        await self._queue(
            MailRequest(letter=Letter.REGISTER, email=address, name=name, password_hash=password_hash, origin=origin)
        )

    async def verify_email(self, origin: Origin, *, email: str) -> None:
        """Ask for the mail that confirms an address, of an account or of a registration, once more."""
        address = await self._arrive(origin, email)
        await self._queue(MailRequest(letter=Letter.VERIFY_EMAIL, email=address, origin=origin))

    async def reset_password(self, origin: Origin, *, email: str) -> None:
        """Ask for a link to choose a new password."""
        address = await self._arrive(origin, email)
        await self._queue(MailRequest(letter=Letter.RESET_PASSWORD, email=address, origin=origin))

    async def _arrive(self, origin: Origin, email: str) -> str:
        address = normal_email(email)
        self._requests.require_on()
        await self._requests.count(origin, address)
        return address

    async def _queue(self, request: MailRequest) -> None:
        async with self._work(Operation("mail.request", anonymous(request.origin))) as uow:
            self._requests.queue(uow.jobs, request)
            await uow.commit(None)
