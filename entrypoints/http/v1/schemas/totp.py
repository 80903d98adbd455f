"""The authenticator app of one's own account, and recovery codes."""

from typing import Annotated, Final, Literal, cast

from pydantic import Field
from typing_extensions import TypedDict

from application.identity.views import RecoveryCodesView, TotpView
from domain.identity.second_factors import RECOVERY_CODES
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.values import EXAMPLE_TIME

CODE_MAX: Final = 100

Status = Literal["off", "pending", "active"]
Code = Annotated[
    str,
    Field(
        min_length=1,
        max_length=CODE_MAX,
        description="A code of the authenticator app; in its place, a recovery code where one signs in.",
    ),
]


class TotpChange(Input):
    """Without a code a secret is made; with one it is confirmed."""

    code: Annotated[str, Field(min_length=1, max_length=CODE_MAX, description="What the app shows now.")] | None = None


class TotpOut(TypedDict):
    """`status` is `pending` from the making of the secret until a code of it was seen."""

    status: Status
    confirmed_at: Instant | None
    recovery_codes_left: int
    secret: Annotated[str | None, Field(description="In base32, for apps without a camera. Shown this once.")]
    otpauth_uri: Annotated[str | None, Field(description="The same for a QR code. Shown this once.")]


class RecoveryCodesOut(TypedDict):
    codes: Annotated[list[str], Field(min_length=RECOVERY_CODES, max_length=RECOVERY_CODES)]


def totp_out(view: TotpView) -> TotpOut:
    return {
        "status": cast(Status, view.status),
        "confirmed_at": view.confirmed_at,
        "recovery_codes_left": view.recovery_codes_left,
        "secret": view.secret,
        "otpauth_uri": view.uri,
    }


def recovery_codes_out(view: RecoveryCodesView) -> RecoveryCodesOut:
    return {"codes": list(view.codes)}


TOTP: Final = {
    "status": "active",
    "confirmed_at": EXAMPLE_TIME,
    "recovery_codes_left": 10,
    "secret": None,
    "otpauth_uri": None,
}
BEGUN: Final = {
    "status": "pending",
    "confirmed_at": None,
    "recovery_codes_left": 0,
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "otpauth_uri": "otpauth://totp/FastOps%20kb.example.com:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
}
RECOVERY: Final = {"codes": [f"{letter * 6}-qk7m3a-z2xw5c-b6nhtu" for letter in "abcdefghij"]}
