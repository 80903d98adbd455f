"""Recovery codes: 15 random bytes in base32 (RFC 4648), in groups of six characters.

Their SHA-256 is enough at rest: nobody tries out 120 bits (NIST SP 800-63B-4 §3.1.2.2 asks for 112).
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence

CODE_BYTES = 15
GROUP = 6
_FORM = re.compile(r"[a-z2-7]{24}", re.ASCII)
_IDLE = re.compile(r"[\s-]+")


class RandomRecoveryCodes:
    """The port `RecoveryCodeTexts`."""

    def mint(self, count: int) -> tuple[Sequence[str], frozenset[str]]:
        bare = [base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(count)]
        return [_grouped(code) for code in bare], frozenset(_hash(code) for code in bare)

    def hash_of(self, text: str) -> str | None:
        code = _IDLE.sub("", text).lower()
        return _hash(code) if _FORM.fullmatch(code) else None


def _grouped(code: str) -> str:
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
