"""Before sign-in: registration, proof of an e-mail address, a forgotten password, and invitations."""

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from application.identity.confirmations import ConfirmationService
from application.identity.self_service import SelfService
from domain.identity.errors import (
    EmailTaken,
    LinkInvalid,
    MailOff,
    PasswordRefused,
    PasswordTooShort,
    RegistrationClosed,
)
from domain.shared.actor import Origin
from domain.shared.errors import RateLimited, Unavailable
from entrypoints.http.bodies import JsonBody
from entrypoints.http.documented import problems
from entrypoints.http.provided import provided
from entrypoints.http.representations import json_response, no_content
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone
from entrypoints.http.v1.schemas.registration import (
    ACCEPTED,
    ADDRESS,
    CHOICE,
    CONFIRMATION,
    REGISTRATION,
    AcceptedOut,
    AddressIn,
    EmailConfirmation,
    PasswordChoice,
    Registration,
)
from entrypoints.http.v1.schemas.values import shown

router = Router("/api/v1/auth", tags=["Sign-in"])

Asking = Annotated[SelfService, provided("identity.self_service")]
Confirming = Annotated[ConfirmationService, provided("identity.confirmations")]
Caller = Annotated[Origin, anyone()]
Silent = Annotated[Origin, anyone("")]
Address = Annotated[AddressIn, Depends(JsonBody(AddressIn, ADDRESS))]
Choice = Annotated[PasswordChoice, Depends(JsonBody(PasswordChoice, CHOICE))]
LIMITED = RateLimited("mail_limited", "Too many mails were asked for; look into the mailbox, or wait.")
BUSY = Unavailable("sign_in_busy", "Too many people sign in at this moment; wait as Retry-After says.")


@router.post(
    "/register",
    status_code=202,
    response_model=AcceptedOut,
    responses={202: shown(ACCEPTED), **problems(RegistrationClosed, MailOff, LIMITED, PasswordRefused, BUSY)},
)
async def register(
    origin: Caller,
    content: Annotated[Registration, Depends(JsonBody(Registration, REGISTRATION))],
    asking: Asking,
) -> Response:
    """Ask for an account of one's own; it is made when the link in the mail is used, with the role `viewer`.

    The answer is the same whether or not the address has an account; its mailbox learns which. REGISTRATION says who
    may ask.
    """
    await asking.register(origin, name=content.name, email=content.email, password=content.password)
    return _accepted()


@router.post(
    "/email-verifications",
    status_code=202,
    response_model=AcceptedOut,
    responses={202: shown(ACCEPTED), **problems(MailOff, LIMITED)},
)
async def request_email_verification(origin: Caller, content: Address, asking: Asking) -> Response:
    """Ask for the mail that confirms an address once more. It replaces the one before; confirmed and unknown addresses
    get none, and the same answer."""
    await asking.verify_email(origin, email=content.email)
    return _accepted()


@router.post(
    "/email-verifications/confirm",
    status_code=204,
    responses=problems(LinkInvalid, EmailTaken, PasswordRefused, RateLimited, BUSY),
)
async def confirm_email(
    origin: Silent,
    content: Annotated[EmailConfirmation, Depends(JsonBody(EmailConfirmation, CONFIRMATION))],
    confirming: Confirming,
) -> Response:
    """Use the link of a mail: the address counts as confirmed, a new one is taken over, or the account that was asked
    for is made.

    Where several people may have asked for an account with the address, or the mail was asked for again, `password`
    tells which account is made: send the one that was chosen at registration. Without it, or with another, the answer
    is `password_refused`, and the link stays.
    """
    await confirming.confirm_email(origin, token=content.token, password=content.password)
    return no_content()


@router.post(
    "/password-resets",
    status_code=202,
    response_model=AcceptedOut,
    responses={202: shown(ACCEPTED), **problems(MailOff, LIMITED)},
)
async def request_password_reset(origin: Caller, content: Address, asking: Asking) -> Response:
    """Ask for a link to choose a new password. It works once, for 30 minutes, and replaces the one before.

    The answer is the same whether or not the address has an account.
    """
    await asking.reset_password(origin, email=content.email)
    return _accepted()


@router.post(
    "/password-resets/confirm",
    status_code=204,
    responses=problems(LinkInvalid, PasswordRefused, PasswordTooShort, BUSY),
)
async def confirm_password_reset(origin: Silent, content: Choice, confirming: Confirming) -> Response:
    """Choose a new password by the link of a mail. All sessions of the account end."""
    await confirming.reset_password(origin, token=content.token, password=content.password)
    return no_content()


@router.post(
    "/invitations/accept", status_code=204, responses=problems(LinkInvalid, PasswordRefused, PasswordTooShort, BUSY)
)
async def accept_invitation(origin: Silent, content: Choice, confirming: Confirming) -> Response:
    """Choose the first password of an account by the link of an invitation, which works once, for 7 days."""
    await confirming.accept_invitation(origin, token=content.token, password=content.password)
    return no_content()


def _accepted() -> Response:
    return json_response(ACCEPTED, 202)
