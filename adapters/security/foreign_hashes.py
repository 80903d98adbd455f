"""Password hashes of other systems, so that people who move over keep their passwords: bcrypt, scrypt and PBKDF2.

Read are the forms of passlib (`$pbkdf2-sha256$…`, `$scrypt$…`), of Django (`pbkdf2_sha256$…`, `scrypt$…`, `bcrypt$$…`,
`bcrypt_sha256$$…`, `argon2$…`) and of bcrypt itself. Each is replaced by argon2id at the first sign-in.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

import bcrypt

BCRYPT_COST_MAX = 14
BCRYPT_BYTES = 72
"""bcrypt looks at no more of a password."""
ROUNDS_MAX = 5_000_000
SCRYPT_BYTES_MAX = 64 * 1024 * 1024
SCRYPT_LANES_MAX = 16
ARGON_KIB_MAX = 256 * 1024
ARGON_PASSES_MAX = 10

_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")
_ARGON = re.compile(r"\$argon2(?:id|i|d)\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
_PASSLIB_PBKDF2 = re.compile(r"\$pbkdf2(?:-(sha256|sha512))?\$(\d+)\$([A-Za-z0-9./]*)\$([A-Za-z0-9./]+)")
_PASSLIB_SCRYPT = re.compile(r"\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/]*)\$([A-Za-z0-9+/]+)")
_DJANGO_PBKDF2 = re.compile(r"pbkdf2_(sha1|sha256)\$(\d+)\$([^$]+)\$([A-Za-z0-9+/]+=*)")
_DJANGO_SCRYPT = re.compile(r"scrypt\$(\d+)\$([^$]+)\$(\d+)\$(\d+)\$([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True, slots=True)
class _Known:
    """A hash that was read: whether it is cheap enough to check, and how."""

    bearable: bool
    fits: Callable[[bytes], bool]


class ForeignHashes:
    """A hasher of pwdlib that checks and never makes any."""

    @classmethod
    def identify(cls, hash: str | bytes) -> bool:
        return _read(_text(hash)) is not None

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        raise NotImplementedError("new hashes are argon2id")

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:
        known = _read(_text(hash))
        return known is not None and known.bearable and known.fits(_bytes(password))

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: ARG002 (the library's)
        return True


def adoptable(text: str) -> str | None:
    """The form to store; None for a hash of an unknown form, or one that would take seconds to check."""
    found = _ARGON.fullmatch(text.removeprefix("argon2"))
    if found is not None:
        memory, passes, lanes = map(int, found.groups())
        fine = memory <= ARGON_KIB_MAX and 1 <= passes <= ARGON_PASSES_MAX and 1 <= lanes <= SCRYPT_LANES_MAX
        return found[0] if fine else None
    known = _read(text)
    return text if known is not None and known.bearable else None


def _read(text: str) -> _Known | None:
    for reader in (_bcrypt, _passlib_pbkdf2, _passlib_scrypt, _django_pbkdf2, _django_scrypt):
        known = reader(text)
        if known is not None:
            return known
    return None


def _bcrypt(text: str) -> _Known | None:
    """Django hashes the hexadecimal SHA-256 of the password in the variant that says so."""
    hashed_first = text.startswith("bcrypt_sha256$")
    bare = text.removeprefix("bcrypt_sha256$").removeprefix("bcrypt$")
    found = _BCRYPT.fullmatch(bare)
    if found is None:
        return None

    def fits(password: bytes) -> bool:
        given = hashlib.sha256(password).hexdigest().encode() if hashed_first else password
        return b"\0" not in given and bcrypt.checkpw(given[:BCRYPT_BYTES], bare.encode())

    return _Known(4 <= int(found[1]) <= BCRYPT_COST_MAX, fits)


def _passlib_pbkdf2(text: str) -> _Known | None:
    found = _PASSLIB_PBKDF2.fullmatch(text)
    if found is None:
        return None
    return _pbkdf2(found[1] or "sha1", int(found[2]), _unpadded(found[3]), _unpadded(found[4]))


def _django_pbkdf2(text: str) -> _Known | None:
    found = _DJANGO_PBKDF2.fullmatch(text)
    return _pbkdf2(found[1], int(found[2]), found[3].encode(), _unpadded(found[4])) if found else None


def _passlib_scrypt(text: str) -> _Known | None:
    found = _PASSLIB_SCRYPT.fullmatch(text)
    if found is None or int(found[1]) > 30:
        return None
    return _scrypt(2 ** int(found[1]), int(found[2]), int(found[3]), _unpadded(found[4]), _unpadded(found[5]))


def _django_scrypt(text: str) -> _Known | None:
    found = _DJANGO_SCRYPT.fullmatch(text)
    if found is None:
        return None
    return _scrypt(int(found[1]), int(found[3]), int(found[4]), found[2].encode(), _unpadded(found[5]))


def _pbkdf2(digest: str, rounds: int, salt: bytes, expected: bytes) -> _Known:
    """RFC 8018 §5.2."""

    def fits(password: bytes) -> bool:
        return hmac.compare_digest(hashlib.pbkdf2_hmac(digest, password, salt, rounds, len(expected)), expected)

    return _Known(1 <= rounds <= ROUNDS_MAX and bool(expected), fits)


def _scrypt(cost: int, block: int, lanes: int, salt: bytes, expected: bytes) -> _Known:
    """RFC 7914."""
    size = 128 * cost * block
    sound = cost > 1 and cost & (cost - 1) == 0 and block > 0 and 0 < lanes <= SCRYPT_LANES_MAX

    def fits(password: bytes) -> bool:
        room = size + 128 * block * (lanes + 2) + 1024
        made = hashlib.scrypt(password, salt=salt, n=cost, r=block, p=lanes, maxmem=room, dklen=len(expected))
        return hmac.compare_digest(made, expected)

    return _Known(sound and size <= SCRYPT_BYTES_MAX and bool(expected), fits)


def _unpadded(text: str) -> bytes:
    """Base64 without padding; passlib writes `.` for `+`. Empty for what is none, which fits nothing."""
    plain = text.rstrip("=").replace(".", "+")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        return b""


def _text(hash: str | bytes) -> str:
    return hash if isinstance(hash, str) else hash.decode("utf-8", "replace")


def _bytes(password: str | bytes) -> bytes:
    return password if isinstance(password, bytes) else password.encode("utf-8", "surrogatepass")
