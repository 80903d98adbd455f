"""A WebAuthn authenticator in software, with the browser around it. It can be told to lie in every way that matters."""

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
P256, ED25519 = "P-256", "Ed25519"


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """Holds one key. `counter` None stands for one that counts nothing, as those do whose keys are synchronised."""

    origin: str
    curve: str = P256
    counter: int | None = 0
    verifies: bool = True
    credential_id: bytes = field(default_factory=lambda: os.urandom(16))
    user_handle: bytes = b""
    rp_id: str = ""

    def __post_init__(self) -> None:
        self.key: Any = (
            ec.generate_private_key(ec.SECP256R1()) if self.curve == P256 else ed25519.Ed25519PrivateKey.generate()
        )

    def create(self, options: Mapping[str, Any], **lies: Any) -> dict[str, Any]:
        """`navigator.credentials.create()`: a new credential without attestation."""
        self.rp_id, self.user_handle = options["rp"]["id"], decoded(options["user"]["id"])
        identity = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id
        data = self._data(ATTESTED, lies) + identity + cbor2.dumps(self._public_key())
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        response = {
            "clientDataJSON": encoded(self._client_data("webauthn.create", options, lies)),
            "attestationObject": encoded(cbor2.dumps(attestation)),
            "transports": ["internal", "hybrid"],
        }
        return self._credential(response)

    def get(self, options: Mapping[str, Any], **lies: Any) -> dict[str, Any]:
        """`navigator.credentials.get()`: a signature over the challenge.

        Lies: origin, framed, rp_id, challenge, type, present, verified, counter, user_handle, signature.
        """
        if self.counter is not None:
            self.counter += 1
        data, client = self._data(0, lies), self._client_data("webauthn.get", options, lies)
        signature = lies.get("signature") or self._sign(data + hashlib.sha256(client).digest())
        handle = lies.get("user_handle", self.user_handle)
        response = {
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
            "userHandle": encoded(handle) if handle is not None else None,
        }
        return self._credential(response)

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = encoded(self.credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }

    def _client_data(self, kind: str, options: Mapping[str, Any], lies: Mapping[str, Any]) -> bytes:
        data = {
            "type": lies.get("type", kind),
            "challenge": lies.get("challenge", options["challenge"]),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("framed", False),
        }
        return json.dumps(data).encode()

    def _data(self, flags: int, lies: Mapping[str, Any]) -> bytes:
        flags |= PRESENT if lies.get("present", True) else 0
        flags |= VERIFIED if lies.get("verified", self.verifies) else 0
        flags |= BACKUP_ELIGIBLE | BACKED_UP if self.counter is None else 0
        counter = lies.get("counter", self.counter or 0)
        rp_id = lies.get("rp_id", self.rp_id)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + int(counter).to_bytes(4)

    def _public_key(self) -> dict[int, Any]:
        """COSE, RFC 9053."""
        public = self.key.public_key()
        if self.curve == ED25519:
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}

    def _sign(self, data: bytes) -> bytes:
        signature = self.key.sign(data) if self.curve == ED25519 else self.key.sign(data, ec.ECDSA(SHA256()))
        return bytes(signature)
