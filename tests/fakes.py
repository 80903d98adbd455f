"""Small stand-ins for the outside world: a clock that tests move, a seal and a signer without keys to manage."""

import hashlib
from datetime import UTC, datetime, timedelta


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


def sign(statement: bytes) -> tuple[str, bytes]:
    """A signature without a key: the digest of what is signed, twice."""
    return "test", hashlib.sha256(statement).digest() * 2


def verify(kid: str, statement: bytes, signature: bytes) -> bool:
    """Whether `sign` made this."""
    return (kid, signature) == sign(statement)
