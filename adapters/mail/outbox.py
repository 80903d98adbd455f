"""Where mails go without a mail server: into a folder in development, and nowhere otherwise."""

import asyncio
import os
from pathlib import Path

from loguru import logger

from adapters.mail.messages import message_of
from application.shared.mail import Mail, MailRefused
from application.shared.ports import Clock
from domain.identity.errors import MailOff

SENDER = "fastops@localhost.localdomain"


class Outbox:
    """The port `Mailer`: one file for each mail, which its owner alone can read. Links are secrets, so the log names
    the file and nothing of what it says."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    async def send(self, mail: Mail) -> None:
        at = self._clock.now()
        content = message_of(mail, SENDER, at).as_bytes()
        file = self._folder / f"{at:%Y%m%dT%H%M%S%fZ}.eml"
        await asyncio.to_thread(_write, file, content)
        logger.info("no mail server is set, so a mail was written to {}", file)


class NoMailer:
    """The port `Mailer` where there is no mail server. Nothing asks for mails then; some may be left from before."""

    async def send(self, mail: Mail) -> None:  # noqa: ARG002 (the port's)
        raise MailRefused(MailOff.default_code, MailOff.default_detail)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
