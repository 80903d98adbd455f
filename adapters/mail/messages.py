"""Mails as bytes: Internet messages (RFC 5322) that no text of theirs can add a field or an address to."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, make_msgid

from application.shared.mail import Mail, MailRefused
from domain.identity.users import normal_email
from domain.shared.errors import Invalid
from domain.shared.values import Instant


def _routed(address: str) -> Address:
    """The address with its domain as the name system has it, IDNA. Raises MailRefused for what is not one address."""
    try:
        if normal_email(address) != address:
            raise MailRefused()
        local, _, domain = address.rpartition("@")
        return Address(username=local, domain=domain if domain.isascii() else domain.encode("idna").decode("ascii"))
    except (Invalid, ValueError):
        raise MailRefused() from None


def message_of(mail: Mail, sender: str, at: Instant) -> EmailMessage:
    """The message. Raises MailRefused for an address or subject that would be more than one.

    It says that a program wrote it (RFC 3834), so that nobody's absence note answers.
    """
    to = _routed(mail.to)
    message = EmailMessage(policy=SMTP if to.addr_spec.isascii() else SMTPUTF8)
    message["From"] = Address("FastOps", addr_spec=sender)
    message["To"] = to
    try:
        message["Subject"] = mail.subject
    except ValueError:
        raise MailRefused() from None
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    plain = mail.text.isascii()  # as it is, so that a link stays whole for whoever reads the file
    message.set_content(mail.text, cte="7bit" if plain else "quoted-printable")
    return message
