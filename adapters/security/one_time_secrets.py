"""Secrets of one-time tokens: 32 random bytes in base64url, of which only the SHA-256 is kept."""

import base64
import hashlib
import hmac
import re
import secrets

SECRET_BYTES = 32
_FORM = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class RandomOneTimeSecrets:
    """The port `OneTimeSecrets`. Addresses without an account are told apart by a MAC, so rows do not name them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self) -> tuple[str, bytes]:
        secret = secrets.token_bytes(SECRET_BYTES)
        return base64.urlsafe_b64encode(secret).decode().rstrip("="), hashlib.sha256(secret).digest()

    def read(self, text: str) -> bytes | None:
        if not _FORM.fullmatch(text):
            return None
        return hashlib.sha256(base64.urlsafe_b64decode(text + "=")).digest()

    def subject_of(self, address: str) -> str:
        return hmac.new(self._key, address.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
