"""Refresh tokens: opaque text that names its session and generation and proves, by a MAC, that we wrote it.

Layout before base64url: session id (16), generation (4, big-endian), secret of the family (32), HMAC-SHA256 (32).
"""

import base64
import hashlib
import hmac
import re
import secrets
from uuid import UUID

from domain.identity.errors import TokenRefused

SECRET_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{112}", re.ASCII)
_GENERATION_MAX = 2**32 - 1


class HmacRefreshTokens:
    """Made under one key, derived from the master key; garbage is told from tokens without any look-up."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self, session_id: UUID) -> tuple[str, bytes]:
        secret = secrets.token_bytes(SECRET_BYTES)
        return self._write(session_id, 1, secret), hashlib.sha256(secret).digest()

    def next(self, token: str, generation: int) -> str:
        """Raises TokenRefused where `token` is none of ours."""
        parts = self._parts(token)
        if parts is None:
            raise TokenRefused()
        session_id, _, secret = parts
        return self._write(session_id, generation, secret)

    def read(self, token: str) -> tuple[UUID, int, bytes] | None:
        parts = self._parts(token)
        if parts is None:
            return None
        session_id, generation, secret = parts
        return session_id, generation, hashlib.sha256(secret).digest()

    def _write(self, session_id: UUID, generation: int, secret: bytes) -> str:
        if not 1 <= generation <= _GENERATION_MAX:
            raise ValueError("a generation is a number from 1 to 2**32 - 1")
        body = session_id.bytes + generation.to_bytes(4) + secret
        return base64.urlsafe_b64encode(body + self._mac(body)).decode()

    def _parts(self, token: str) -> tuple[UUID, int, bytes] | None:
        if not _FORM.fullmatch(token):
            return None
        raw = base64.urlsafe_b64decode(token)
        body, mac = raw[:52], raw[52:]
        if not hmac.compare_digest(mac, self._mac(body)):
            return None
        return UUID(bytes=body[:16]), int.from_bytes(body[16:20]), body[20:]

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")
