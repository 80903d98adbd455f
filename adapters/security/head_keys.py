"""The Ed25519 keys that sign heads of the audit trail (RFC 8032): derived from the master key, never stored."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey


class HeadKeys:
    """Signs with the key of this installation; its id is the thumbprint of the public one (RFC 7638)."""

    def __init__(self, key: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(key)
        self._public = self._private.public_key()
        self.kid = OKPKey.import_key(self._public).thumbprint()

    def sign(self, statement: bytes) -> tuple[str, bytes]:
        """Key id and signature."""
        return self.kid, self._private.sign(statement)

    def verify(self, kid: str, statement: bytes, signature: bytes) -> bool:
        """Whether the key of this id, which is ours, signed this statement."""
        if kid != self.kid:
            return False
        try:
            self._public.verify(signature, statement)
        except InvalidSignature:
            return False
        return True
