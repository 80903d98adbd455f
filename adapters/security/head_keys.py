"""The Ed25519 keys that sign heads of the audit trail (RFC 8032): derived from the master key, never stored."""

from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.jwk import OKPKey

GENERATIONS_MAX = 10_000
"""How often the key may be changed. An id that is not ours costs so many derivations once, about a second."""


class HeadKeys:
    """The port `HeadKeys`. Generations of keys are counted from 1, so all those retired can be derived again.

    The id of a key is the thumbprint of its public part (RFC 7638). `derive` gives 32 bytes for a purpose.
    """

    def __init__(self, derive: Callable[[str], bytes]) -> None:
        self._derive = derive
        self._known: dict[str, Ed25519PublicKey] = {}
        self._private: dict[int, tuple[str, Ed25519PrivateKey]] = {}
        self._sought = 0

    def sign(self, generation: int, statement: bytes) -> tuple[str, bytes]:
        """Key id and signature by the key of this generation."""
        kid, private = self._pair(generation)
        return kid, private.sign(statement)

    def kid(self, generation: int) -> str:
        """The id of a generation's key."""
        return self._pair(generation)[0]

    def verify(self, kid: str, statement: bytes, signature: bytes) -> bool:
        key = self._find(kid)
        return key is not None and is_signed(key, statement, signature)

    def public(self, kid: str) -> bytes | None:
        key = self._find(kid)
        return key.public_bytes_raw() if key is not None else None

    def _find(self, kid: str) -> Ed25519PublicKey | None:
        while kid not in self._known and self._sought < GENERATIONS_MAX:
            self._sought += 1
            self._pair(self._sought)
        return self._known.get(kid)

    def _pair(self, generation: int) -> tuple[str, Ed25519PrivateKey]:
        pair = self._private.get(generation)
        if pair is None:
            purpose = "journal" if generation == 1 else f"journal:{generation}"
            private = Ed25519PrivateKey.from_private_bytes(self._derive(purpose))
            pair = self._private[generation] = thumbprint(private.public_key()), private
            self._known[pair[0]] = private.public_key()
        return pair


class PublishedKeys:
    """The checking half of `HeadKeys` for whoever holds public keys only, such as those that lie beside copied heads.

    Keys whose id is not their thumbprint are left out; with `trusted` ids all others are too.
    """

    def __init__(self, keys: Mapping[str, bytes], trusted: frozenset[str] | None = None) -> None:
        self._keys: dict[str, Ed25519PublicKey] = {}
        for kid, raw in keys.items():
            if len(raw) == 32 and (trusted is None or kid in trusted):
                key = Ed25519PublicKey.from_public_bytes(raw)
                if thumbprint(key) == kid:
                    self._keys[kid] = key

    def verify(self, kid: str, statement: bytes, signature: bytes) -> bool:
        key = self._keys.get(kid)
        return key is not None and is_signed(key, statement, signature)

    def public(self, kid: str) -> bytes | None:
        key = self._keys.get(kid)
        return key.public_bytes_raw() if key is not None else None


def thumbprint(key: Ed25519PublicKey) -> str:
    """The id of a key: the SHA-256 thumbprint of RFC 7638, in base64url."""
    return OKPKey.import_key(key).thumbprint()


def is_signed(key: Ed25519PublicKey, statement: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, statement)
    except InvalidSignature:
        return False
    return True
