"""One-time passwords by time (RFC 6238), by pyotp. Secrets leave this module sealed, or once as text for the app."""

import re
from uuid import UUID

import pyotp
from pyotp.exceptions import OTPVerificationError

from adapters.security.master_key import MasterKeyRefused
from adapters.security.sealing import Sealer
from domain.shared.values import Instant

WINDOW_STEPS = 1
SECRET_CHARACTERS = 32
"""160 bits in base32, as RFC 4226 §4 recommends."""
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


class PyotpCodes:
    """The port `TotpCodes`. A sealed secret opens for its own user only."""

    def __init__(self, sealer: Sealer, issuer: str) -> None:
        """`issuer` is the name under which apps list the account."""
        self._sealer, self._issuer = sealer, issuer

    def mint(self, user_id: UUID) -> tuple[str, bytes]:
        secret = pyotp.random_base32(SECRET_CHARACTERS)
        return secret, self._sealer.seal(secret.encode(), user_id.bytes)

    def uri(self, secret: str, account: str) -> str:
        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=self._issuer)

    def step_of(self, sealed: bytes, user_id: UUID, code: str, now: Instant) -> int | None:
        digits = code.replace(" ", "")
        if not _CODE.fullmatch(digits):
            return None
        totp = pyotp.TOTP(self._opened(sealed, user_id))
        try:
            return totp.verify_and_get_timecode(digits, for_time=now, valid_window=WINDOW_STEPS)
        except OTPVerificationError:
            return None

    def _opened(self, sealed: bytes, user_id: UUID) -> str:
        try:
            return self._sealer.open(sealed, user_id.bytes).decode()
        except ValueError:
            detail = "MASTER_KEY is not the one that sealed the authenticator secrets: set the former one."
            raise MasterKeyRefused("master_key_differs", detail) from None
