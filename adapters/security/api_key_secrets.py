"""Texts of API keys: `fo_<id>_<secret><crc32>`, in letters and digits so that a double click takes the whole.

The id is the key's UUID in hexadecimal digits, so that a leaked key is found in the list at once; the secret is
32 random bytes in 43 base62 digits; the checksum is that of all before it, in 6 base62 digits.
"""

import hashlib
import re
import secrets
import string
import zlib
from uuid import UUID

PREFIX = "fo_"
SECRET_BYTES = 32
SECRET_DIGITS = 43
CHECKSUM_DIGITS = 6
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_FORM = re.compile(r"fo_([0-9a-f]{32})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII)


class ChecksummedApiKeySecrets:
    """Writes and reads such texts; reading needs no look-up, so garbage costs nothing."""

    def mint(self, key_id: UUID) -> tuple[str, bytes]:
        secret = secrets.token_bytes(SECRET_BYTES)
        body = f"{PREFIX}{key_id.hex}_{_base62(int.from_bytes(secret), SECRET_DIGITS)}"
        return body + _checksum(body), hashlib.sha256(secret).digest()

    def read(self, text: str) -> tuple[UUID, bytes] | None:
        match = _FORM.fullmatch(text)
        if match is None or _checksum(text[:-CHECKSUM_DIGITS]) != match[3]:
            return None
        number = _number(match[2])
        if number >= 1 << (8 * SECRET_BYTES):
            return None
        return UUID(hex=match[1]), hashlib.sha256(number.to_bytes(SECRET_BYTES)).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_DIGITS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, value = divmod(number, 62)
        digits.append(_DIGITS[value])
    return "".join(reversed(digits))


def _number(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 62 + _VALUES[digit]
    return number
