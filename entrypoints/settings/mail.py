"""Settings of mails, and of who may make an account by one."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from entrypoints.settings.areas import Area, email_address, setting


def _smtp_address(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.port == 0 or parts.path.strip("/"):
        raise ValueError("no address of a mail server")
    return secret


class MailSettings(Area):
    """Mails, and who may make an account by one."""

    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_address)] | None = setting(
        None,
        "smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465 (TLS)",
        "The mail server. Unset: in development mails are files in DATA_DIR/outbox, otherwise none are sent.",
    )
    mail_from: Annotated[str, AfterValidator(email_address)] | None = setting(
        None, "an e-mail address", "Sender of mails. Unset: the user of SMTP_URL, where that is an address."
    )
    registration: Literal["closed", "invited", "open"] = setting(
        "closed",
        "closed, invited or open",
        "Who may register: nobody, those who were invited (they get their invitation again), or everybody.",
    )
