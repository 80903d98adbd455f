"""Mails by SMTP (RFC 5321), one connection each: they are rare, and a worker waits for them, never a request."""

from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from adapters.mail.messages import message_of
from application.shared.mail import Mail, MailRefused
from application.shared.ports import Clock
from domain.shared.errors import Unavailable

TIMEOUT_SECONDS = 10.0
"""For each step; a whole delivery has less than the lease of its job."""
PORTS = {"smtp": 587, "smtps": 465}


class SmtpMailer:
    """The port `Mailer`. `smtps` is TLS from the first byte; `smtp` turns to TLS by STARTTLS or sends nothing, except
    to this machine itself. Certificates are checked."""

    def __init__(self, url: str, sender: str, clock: Clock) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port or PORTS[parts.scheme]
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._tls = parts.scheme == "smtps"
        self._starttls = not self._tls and not is_loopback(self._host)
        self._sender, self._clock = sender, clock

    async def send(self, mail: Mail) -> None:
        message = message_of(mail, self._sender, self._clock.now())
        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._tls,
            start_tls=self._starttls,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            async with client:
                await client.send_message(message)
        except (SMTPException, OSError, ValueError) as error:
            raise _translated(error) from error


def is_loopback(host: str) -> bool:
    """Whether a connection to this host stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _translated(error: Exception) -> MailRefused | Unavailable:
    """A server says for good with 5xx (RFC 5321 §4.2.1), unless what it refuses is us and not the mail."""
    if isinstance(error, SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        return MailRefused() if all(code >= 500 for code in codes) else _unavailable()
    if isinstance(error, SMTPResponseException) and error.code in range(550, 556):
        return MailRefused()
    if isinstance(error, SMTPNotSupported) and "UTF8" in str(error):
        return MailRefused(detail="The mail server takes no addresses beyond ASCII.")
    return _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable("mail_unavailable", "The mail server of SMTP_URL does not take mails now.", retry_after=30.0)
