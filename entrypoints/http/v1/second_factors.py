"""Second factors of one's own account: the authenticator app, and recovery codes."""

from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.totp import TotpService
from application.shared.unit_of_work import Repeat
from domain.identity.errors import CodeRefused, PasswordTooShort, SecondFactorMissing, SessionRequired
from domain.shared.actor import Actor
from domain.shared.errors import NotFound, RateLimited, ReauthenticationRequired, WrongState
from entrypoints.http.bodies import JsonBody, Nothing
from entrypoints.http.documented import problems
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, content_tag, no_content, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import signed_in
from entrypoints.http.v1.schemas.totp import (
    BEGUN,
    RECOVERY,
    TOTP,
    RecoveryCodesOut,
    TotpChange,
    TotpOut,
    recovery_codes_out,
    totp_out,
)
from entrypoints.http.v1.schemas.values import shown

router = Router("/api/v1/me", tags=["Account"])

Totp = Annotated[TotpService, provided("identity.totp")]
Oneself = Annotated[Actor, signed_in()]
RepeatKey = Annotated[Repeat | None, repeat_key()]
ACTIVE: Final = WrongState("totp_active", "You have an authenticator app already: remove it before you add another.")
NOT_BEGUN: Final = WrongState("totp_not_begun", "There is no secret to confirm: ask for one without a code first.")


@router.get("/totp", response_model=TotpOut, responses={200: shown(TOTP, "ETag"), **problems(SessionRequired)})
async def get_totp(request: Request, actor: Oneself, totp: Totp) -> Response:
    """Whether one has an authenticator app, and how many recovery codes are left. The secret is never shown again."""
    shown_now = totp_out(await totp.get(actor))
    return resource(request, shown_now, content_tag(shown_now))


@router.post(
    "/totp",
    response_model=TotpOut,
    responses={
        200: shown(BEGUN),
        **problems(SessionRequired, ReauthenticationRequired, ACTIVE, NOT_BEGUN, CodeRefused, RateLimited),
    },
)
async def add_totp(
    actor: Oneself,
    content: Annotated[TotpChange, Depends(JsonBody(TotpChange, {}, optional=True))],
    repeat: RepeatKey,
    totp: Totp,
) -> Response:
    """Add an authenticator app (RFC 6238) in two steps.

    Without a code a secret is made and shown this once. With a code that the app shows for it, it counts: from then on
    the password alone no longer signs in. A secret that is not confirmed counts for nothing; the next replaces it.
    """
    if content.code is None:
        view = await totp.begin(actor, repeat=repeat)
    else:
        view = await totp.confirm(actor, content.code, repeat=repeat)
    return changed(totp_out(view), repeat=repeat)


@router.delete(
    "/totp", status_code=204, responses=problems(SessionRequired, ReauthenticationRequired, NotFound, PasswordTooShort)
)
async def remove_totp(actor: Annotated[Actor, signed_in("")], totp: Totp) -> Response:
    """Forget the authenticator app, and the recovery codes where it was the last second factor.

    The last one stays (`password_too_short`) while the password is long enough only beside it.
    """
    await totp.remove(actor)
    return no_content()


@router.post(
    "/recovery-codes",
    response_model=RecoveryCodesOut,
    responses={200: shown(RECOVERY), **problems(SessionRequired, ReauthenticationRequired, SecondFactorMissing)},
)
async def make_recovery_codes(
    actor: Oneself,
    _: Annotated[Nothing, Depends(JsonBody(Nothing, {}, optional=True))],
    repeat: RepeatKey,
    totp: Totp,
) -> Response:
    """Ten codes for when the second factor is lost, shown this once. Each works once; earlier ones no longer do."""
    return changed(recovery_codes_out(await totp.make_recovery_codes(actor, repeat=repeat)), repeat=repeat)
