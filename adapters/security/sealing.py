"""Authenticated encryption of rows: AES-256-GCM (NIST SP 800-38D) with a random nonce for each seal."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORM = b"\x01"
NONCE_BYTES = 12
TAG_BYTES = 16


class Sealer:
    """Seals under one key of 32 bytes. `context` is bound to the sealed bytes: they open under the same one only."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, content: bytes, context: bytes = b"") -> bytes:
        """One byte for the form, twelve of nonce, then the content with its tag."""
        nonce = os.urandom(NONCE_BYTES)
        return FORM + nonce + self._cipher.encrypt(nonce, content, context)

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """The content again. Raises ValueError where it was altered, or key or context are others."""
        if sealed[:1] != FORM or len(sealed) < 1 + NONCE_BYTES + TAG_BYTES:
            raise ValueError("not a sealed value")
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, context)
        except InvalidTag:
            raise ValueError("the sealed value was altered, or belongs to another key") from None


class RepeatSeal:
    """The port `Seal`: results of repeatable requests, under a key derived from their Idempotency-Key.

    The key derivation is salted with a key of this installation, so that a stolen database alone does not let
    anybody try out short Idempotency-Keys.
    """

    def __init__(self, installation_key: bytes) -> None:
        self._salt = installation_key

    def seal(self, secret: str, content: bytes) -> bytes:
        return Sealer(self.key_of_repeat(secret)).seal(content)

    def open(self, secret: str, sealed: bytes) -> bytes:
        return Sealer(self.key_of_repeat(secret)).open(sealed)

    def key_of_repeat(self, idempotency_key: str) -> bytes:
        """32 bytes by HKDF-SHA256 (RFC 5869)."""
        derivation = HKDF(algorithm=SHA256(), length=32, salt=self._salt, info=b"fastops:repeat")
        return derivation.derive(idempotency_key.encode())
