"""Passkeys (WebAuthn): one's own, and signing in with one."""

from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.passkeys import PasskeyService
from application.identity.views import PasskeyView
from application.shared.unit_of_work import Repeat
from domain.identity.errors import (
    IdentityNeeded,
    InvalidGrant,
    LastAdministrator,
    PasskeyKnown,
    PasskeyRefused,
    PasswordTooShort,
    SessionRequired,
)
from domain.identity.passkeys import PASSKEYS_MAX
from domain.shared.actor import Actor, Origin
from domain.shared.errors import ReauthenticationRequired, RuleBroken
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, Nothing
from entrypoints.http.documented import problems
from entrypoints.http.lists import ListParameters, listing, page_response, paged
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, json_response, no_content, place
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone, signed_in
from entrypoints.http.v1.schemas.passkeys import (
    ASSERTED,
    CREATION_OPTIONS,
    NEW_PASSKEY,
    PASSKEY,
    REQUEST_OPTIONS,
    NewPasskey,
    PasskeyOptionsOut,
    PasskeyOut,
    PasskeySignIn,
    PasskeysOut,
    passkey_out,
)
from entrypoints.http.v1.schemas.tokens import TOKEN, TokenOut, token_out
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown
from entrypoints.http.v1.tokens import NO_STORE, user_agent_of

router = Router("/api/v1")

Passkeys = Annotated[PasskeyService, provided("identity.passkeys")]
Oneself = Annotated[Actor, signed_in()]
Empty = Annotated[Nothing, Depends(JsonBody(Nothing, {}, optional=True))]
FULL: Final = RuleBroken("passkeys_full", f"Keep at most {PASSKEYS_MAX} passkeys: remove one first.")


@router.get(
    "/me/passkeys",
    tags=["Account"],
    response_model=PasskeysOut,
    responses={200: page_of(PASSKEY), **problems(SessionRequired)},
)
async def list_passkeys(
    request: Request,
    actor: Oneself,
    query: Annotated[ListQuery, listing(ListParameters, "created_at")],
    passkeys: Passkeys,
) -> Response:
    """One's own passkeys."""
    page = paged(await passkeys.list(actor), _place, query)
    return await page_response(request, query, page, [passkey_out(view) for view in page.items])


@router.post(
    "/me/passkeys/options",
    tags=["Account"],
    response_model=PasskeyOptionsOut,
    responses={200: shown(CREATION_OPTIONS), **problems(SessionRequired, ReauthenticationRequired)},
)
async def begin_passkey(actor: Oneself, _: Empty, passkeys: Passkeys) -> Response:
    """What `navigator.credentials.create()` needs to make a passkey. Nothing is kept until it is handed in."""
    return json_response({"options": await passkeys.options(actor)}, headers=NO_STORE)


@router.post(
    "/me/passkeys",
    tags=["Account"],
    status_code=201,
    response_model=PasskeyOut,
    responses={
        201: shown(PASSKEY, "Location"),
        **problems(SessionRequired, ReauthenticationRequired, PasskeyRefused, PasskeyKnown, FULL),
    },
)
async def add_passkey(
    request: Request,
    actor: Oneself,
    content: Annotated[NewPasskey, Depends(JsonBody(NewPasskey, NEW_PASSKEY))],
    repeat: Annotated[Repeat | None, repeat_key()],
    passkeys: Passkeys,
) -> Response:
    """Keep the passkey that a browser has made in the same session.

    It signs in alone, and from then on the password alone no longer does: beside it a passkey, or another second
    factor, is asked for.
    """
    view = await passkeys.add(actor, label=content.name, content=content.credential, repeat=repeat)
    location = place(request, "me", "passkeys", view.id)
    return changed(passkey_out(view), status=201, location=location, repeat=repeat)


@router.delete(
    "/me/passkeys/{passkey_id}",
    tags=["Account"],
    status_code=204,
    responses=problems(SessionRequired, ReauthenticationRequired, PasswordTooShort, IdentityNeeded, LastAdministrator),
)
async def remove_passkey(actor: Annotated[Actor, signed_in("")], passkey_id: IdInPath, passkeys: Passkeys) -> Response:
    """Forget a passkey, and the recovery codes where it was the last second factor.

    The last one stays while the password is long enough only beside it (`password_too_short`), and where nothing else
    signs in (`identity_needed`).
    """
    await passkeys.remove(actor, passkey_id)
    return no_content()


@router.post(
    "/auth/passkeys/options",
    tags=["Sign-in"],
    response_model=PasskeyOptionsOut,
    responses={200: shown(REQUEST_OPTIONS)},
)
async def begin_passkey_sign_in(_: Annotated[Origin, anyone()], __: Empty, passkeys: Passkeys) -> Response:
    """What `navigator.credentials.get()` needs to sign somebody in. Nobody is named, so nothing of accounts is told."""
    return json_response({"options": passkeys.sign_in_options()}, headers=NO_STORE)


@router.post(
    "/auth/passkeys/verify",
    tags=["Sign-in"],
    response_model=TokenOut,
    responses={200: shown(TOKEN), **problems(InvalidGrant)},
)
async def sign_in_with_passkey(
    request: Request,
    origin: Annotated[Origin, anyone()],
    content: Annotated[PasskeySignIn, Depends(JsonBody(PasskeySignIn, ASSERTED))],
    passkeys: Passkeys,
) -> Response:
    """Sign in with a passkey alone.

    Its authenticator must have verified its user and name the account, so it must be a discoverable one.
    All refusals look the same. A counter that went back shows a copied key: the passkey is blocked for good.
    """
    pair = await passkeys.sign_in(origin, content.credential, user_agent_of(request))
    return json_response(token_out(pair), headers=NO_STORE)


def _place(passkey: PasskeyView) -> str:
    return f"{passkey.created_at.isoformat(timespec='microseconds')} {passkey.id}"
