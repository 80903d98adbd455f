"""What use cases ask the mail worker for: sealed job rows, so that no address and no secret lies open, and no answer
waits for a mail or depends on whether there will be one."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from application.shared.jobs import JobDesk
from application.shared.limits import Allowance, RateLimiter
from application.shared.ports import SealedBox
from domain.identity.errors import MailOff
from domain.shared.actor import Origin
from domain.shared.addresses import subscriber
from domain.shared.errors import RateLimited
from domain.shared.values import new_id

ACCOUNT_MAIL = "account_mail"
PER_TARGET = Allowance("mail-target", 5, 3600)
PER_ADDRESS = Allowance("mail-address", 30, 3600)


class Letter(StrEnum):
    """What a mail is about. Those of the second group tell of something that happened, and carry no token."""

    REGISTER = "register"
    VERIFY_EMAIL = "verify_email"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 (a purpose)
    INVITATION = "invitation"

    ALREADY_REGISTERED = "already_registered"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 (an event)
    EMAIL_CHANGED = "email_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRequest:
    """A letter for an address, or about the account of `user_id`; whether it is written is for the worker to find out.

    `name` and `password_hash` are those of somebody who registers.
    """

    letter: Letter
    email: str
    user_id: UUID | None = None
    name: str | None = None
    password_hash: str | None = None
    origin: Origin = field(default_factory=Origin)


class MailRequests:
    """Queues requests, and reads them again. `on` says whether this installation sends any mail."""

    def __init__(self, seal: SealedBox, limiter: RateLimiter, *, on: bool) -> None:
        self._seal, self._limiter, self.on = seal, limiter, on

    def require_on(self) -> None:
        """Raises MailOff."""
        if not self.on:
            raise MailOff()

    async def count(self, origin: Origin, email: str) -> None:
        """Count a request of anybody, by the client's address and by the one that is written to, known or not.

        Raises RateLimited with retry_after.
        """
        target = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        for allowance, caller in ((PER_ADDRESS, subscriber(origin.client_address)), (PER_TARGET, target)):
            balance = await self._limiter.spend(allowance, caller, 1)
            if balance is not None and balance.wait is not None:
                detail = "Too many mails were asked for; look into the mailbox, or wait as Retry-After says."
                raise RateLimited("mail_limited", detail, retry_after=balance.wait)

    def queue(self, desk: JobDesk, request: MailRequest) -> None:
        """Have it worked off once the unit of work is committed; nothing happens where mail is off."""
        if self.on:
            sealed = self._seal.seal(json.dumps(asdict(request), default=str).encode(), ACCOUNT_MAIL.encode())
            payload = {"sealed": base64.b64encode(sealed).decode()}
            desk.queue(ACCOUNT_MAIL, request.user_id or new_id(), None, unit="mails", payload=payload)

    def read(self, payload: Mapping[str, Any]) -> MailRequest:
        """Raises ValueError for what was altered, or sealed under another master key."""
        sealed = base64.b64decode(str(payload.get("sealed", "")), validate=True)
        members = json.loads(self._seal.open(sealed, ACCOUNT_MAIL.encode()))
        user_id = members.pop("user_id")
        return MailRequest(
            letter=Letter(members.pop("letter")),
            origin=Origin(**members.pop("origin")),
            user_id=UUID(user_id) if user_id else None,
            **members,
        )
