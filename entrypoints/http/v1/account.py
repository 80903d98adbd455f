"""One's own account: whoever is signed in needs no permission for it."""

from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.account import AccountService
from application.identity.views import UserView
from domain.identity.errors import MailOff, PasswordRefused, PasswordTooShort, SessionRequired
from domain.shared.actor import Actor
from domain.shared.errors import RateLimited, ReauthenticationRequired
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, MergePatch, Patch
from entrypoints.http.conditional import Precondition, if_match, tag_of
from entrypoints.http.documented import problems
from entrypoints.http.lists import ListParameters, listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.representations import changed, content_tag, no_content, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import signed_in
from entrypoints.http.v1.schemas.users import (
    SESSION,
    USER,
    AccountContent,
    PasswordChange,
    SessionOut,
    SessionsOut,
    UserOut,
    session_out,
    user_out,
)
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/me", tags=["Account"])

Account = Annotated[AccountService, provided("identity.account")]
Oneself = Annotated[Actor, signed_in()]
Silent = Annotated[Actor, signed_in("")]
LIMITED: Final = RateLimited("mail_limited", "Too many mails were asked for; look into the mailbox, or wait.")
PASSWORD_CHANGE: Final = {"current_password": "the one before", "new_password": "a long secret sentence"}


@router.get("", response_model=UserOut, responses={200: shown(USER, "ETag")})
async def get_account(request: Request, actor: Oneself, account: Account) -> Response:
    """The account that the credentials belong to; the owner's, for an API key."""
    view = await account.me(actor)
    return resource(request, user_out(view), tag_of(view))


@router.patch(
    "",
    response_model=UserOut,
    responses={200: shown(USER, "ETag"), **problems(MailOff, LIMITED, SessionRequired, ReauthenticationRequired)},
)
async def change_account(
    actor: Oneself,
    patch: Annotated[Patch[AccountContent], Depends(MergePatch(AccountContent, {"name": "Ada King"}))],
    precondition: Annotated[Precondition, if_match(required=False)],
    account: Account,
) -> Response:
    """Change one's own name, or ask for another address. A mail goes to that one, and it is taken over when the link in
    it is used; the account shows the present address until then. Roles and status are for administrators."""

    async def change(seen: UserView, expected: int) -> UserView:
        content = patch.onto({"name": seen.name, "email": seen.email})
        return await account.change(actor, name=content.name, email=content.email, expected=expected)

    view = await precondition.hold(lambda: account.me(actor), change, tag_of)
    return changed(user_out(view), tag_of(view))


@router.put(
    "/password",
    status_code=204,
    responses=problems(PasswordRefused, PasswordTooShort, SessionRequired, ReauthenticationRequired, RateLimited),
)
async def change_password(
    actor: Silent,
    content: Annotated[PasswordChange, Depends(JsonBody(PasswordChange, PASSWORD_CHANGE))],
    account: Account,
) -> Response:
    """Change one's own password. It needs the current one and ends all other sessions."""
    await account.change_password(actor, content.current_password, content.new_password)
    return no_content()


@router.get("/sessions", response_model=SessionsOut, responses={200: page_of(SESSION), **problems(SessionRequired)})
async def list_sessions(
    request: Request,
    actor: Oneself,
    query: Annotated[ListQuery, listing(ListParameters, "created_at")],
    account: Account,
) -> Response:
    """Where one is signed in."""
    page = await account.sessions(actor, query)
    items = [session_out(view, actor.session_id) for view in page.items]
    return await page_response(request, query, page, items)


@router.get(
    "/sessions/{session_id}",
    response_model=SessionOut,
    responses={200: shown(SESSION, "ETag"), **problems(SessionRequired)},
)
async def get_session(request: Request, actor: Oneself, session_id: IdInPath, account: Account) -> Response:
    """One place where one is signed in."""
    view = session_out(await account.session(actor, session_id), actor.session_id)
    return resource(request, view, content_tag(view))


@router.delete("/sessions", status_code=204, responses=problems(SessionRequired, ReauthenticationRequired))
async def end_other_sessions(actor: Silent, account: Account) -> Response:
    """Sign out everywhere but here; the tokens of all other sessions stop within a second."""
    await account.end_other_sessions(actor)
    return no_content()


@router.delete("/sessions/{session_id}", status_code=204, responses=problems(SessionRequired, ReauthenticationRequired))
async def end_session(actor: Silent, session_id: IdInPath, account: Account) -> Response:
    """Sign out there; its tokens stop within a second."""
    await account.end_session(actor, session_id)
    return no_content()
