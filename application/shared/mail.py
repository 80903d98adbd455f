"""Mails, and the port that hands them over. Only a worker sends any: a request that waited for a mail would tell that
there was one."""

from dataclasses import dataclass
from typing import Protocol

from domain.shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Mail:
    """Plain text for one address in normal form. `subject` is one line."""

    to: str
    subject: str
    text: str


class MailRefused(Invalid):
    """Trying again cannot help."""

    default_code = "mail_refused"
    default_detail = "The mail server refuses this address or message for good."


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hand over a mail, within 30 seconds. That it was taken does not say that it arrives.

        Raises MailRefused where the server will never take it, and Unavailable where it may later.
        """
