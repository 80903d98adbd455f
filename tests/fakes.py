"""Small stand-ins for the outside world: a clock that tests move, a seal and a signer without keys to manage."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

from application.shared.mail import Mail
from domain.shared.errors import FastOpsError


class ManualClock:
    """Stands still until a test moves it; each reading is a microsecond later, so that orders are definite."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        self._now += timedelta(microseconds=1)
        return self._now

    def forward(self, **amount: float) -> None:
        self._now += timedelta(**amount)


class DigestSeal:
    """Keeps content beside a digest of the secret: enough to see that the right secret was used."""

    def seal(self, secret: str, content: bytes) -> bytes:
        return hashlib.sha256(secret.encode()).digest() + content

    def open(self, secret: str, sealed: bytes) -> bytes:
        if sealed[:32] != hashlib.sha256(secret.encode()).digest():
            raise ValueError("sealed under another secret")
        return sealed[32:]


def sign(generation: int, statement: bytes) -> tuple[str, bytes]:
    """A signature without a key: the digest of what is signed, twice."""
    return f"test-{generation}", hashlib.sha256(statement).digest() * 2


class OpenKeys:
    """The port `HeadKeys` for what `sign` signed."""

    def verify(self, kid: str, statement: bytes, signature: bytes) -> bool:
        return kid.startswith("test-") and signature == sign(1, statement)[1]

    def kid(self, generation: int) -> str:
        return f"test-{generation}"

    def public(self, kid: str) -> bytes | None:
        return kid.encode() if kid.startswith("test-") else None


class Mailbox:
    """The port `Mailer`: keeps what is sent, or raises `fails` instead."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.fails: FastOpsError | None = None

    async def send(self, mail: Mail) -> None:
        if self.fails is not None:
            raise self.fails
        self.mails.append(mail)

    def subjects(self, address: str) -> list[str]:
        """What came for an address, oldest first."""
        return [mail.subject for mail in self.mails if mail.to == address]

    def token(self, address: str) -> str:
        """What stands behind the # of the link in the newest mail for an address."""
        text = [mail.text for mail in self.mails if mail.to == address][-1]
        return re.findall(r"/account/[a-z-]+#(\S+)", text)[0]
