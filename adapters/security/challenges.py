"""Challenges that prove by a MAC that we made them, when, for what and for whom. Nothing is stored until one is spent.

Layout: random bytes (16), expiry in Unix seconds (8, big-endian), HMAC-SHA256 over both, the purpose and the subject.
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta

from domain.shared.values import Instant

RANDOM_BYTES = 16
LENGTH = RANDOM_BYTES + 8 + 32
LIFETIME = timedelta(minutes=5)


class HmacChallenges:
    """The port `Challenges`, made under one key, derived from the master key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self, purpose: str, bound_to: bytes, now: Instant) -> bytes:
        expires = int((now + LIFETIME).timestamp())
        body = secrets.token_bytes(RANDOM_BYTES) + expires.to_bytes(8)
        return body + self._mac(body, purpose, bound_to)

    def expiry(self, challenge: bytes, purpose: str, bound_to: bytes, now: Instant) -> Instant | None:
        body, mac = challenge[:-32], challenge[-32:]
        if len(challenge) != LENGTH or not hmac.compare_digest(mac, self._mac(body, purpose, bound_to)):
            return None
        expires = datetime.fromtimestamp(int.from_bytes(body[RANDOM_BYTES:]), UTC)
        return expires if now < expires else None

    def _mac(self, body: bytes, purpose: str, bound_to: bytes) -> bytes:
        return hmac.digest(self._key, body + purpose.encode() + b"\0" + bound_to, "sha256")
