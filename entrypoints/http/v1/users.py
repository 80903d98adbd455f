"""Users and the roles that they have."""

from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.factor_reset import FactorReset
from application.identity.users import UserService
from application.identity.views import UserView
from application.shared.unit_of_work import Repeat
from domain.identity.errors import (
    AlreadyJoined,
    EmailTaken,
    LastAdministrator,
    MailOff,
    PasswordRefused,
    RightsNotHeld,
    UnknownRole,
)
from domain.shared.actor import Actor, Permission
from domain.shared.errors import ReauthenticationRequired, WrongState
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, MergePatch, Nothing, Patch
from entrypoints.http.conditional import Precondition, if_match, tag_of
from entrypoints.http.documented import problems
from entrypoints.http.lists import listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, no_content, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import also, needs
from entrypoints.http.v1.schemas.roles import NameInPath
from entrypoints.http.v1.schemas.users import (
    NEW_USER,
    USER,
    NewUser,
    UserContent,
    UserOut,
    UserParameters,
    UsersOut,
    user_out,
)
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/users", tags=["Users"])

Users = Annotated[UserService, provided("identity.users")]
Reader = Annotated[Actor, needs(Permission.USERS_READ)]
Writer = Annotated[Actor, needs(Permission.USERS_WRITE)]
RepeatKey = Annotated[Repeat | None, repeat_key()]
IfMatch = Annotated[Precondition, if_match()]
Empty = Annotated[Nothing, Depends(JsonBody(Nothing, {}, optional=True))]
ALREADY_DISABLED: Final = WrongState("user_already_disabled", "This account is disabled already.")
ALREADY_ACTIVE: Final = WrongState("user_already_active", "This account is active already.")


@router.get("", response_model=UsersOut, responses={200: page_of(USER)})
async def list_users(
    request: Request,
    actor: Reader,
    query: Annotated[ListQuery, listing(UserParameters, "created_at", "name", "email")],
    users: Users,
) -> Response:
    """All accounts, people and services alike."""
    page = await users.page(actor, query)
    return await page_response(request, query, page, [user_out(view) for view in page.items])


@router.post(
    "",
    status_code=201,
    response_model=UserOut,
    responses={
        201: shown(USER, "Location", "ETag"),
        **problems(EmailTaken, UnknownRole, PasswordRefused, RightsNotHeld, ReauthenticationRequired),
    },
)
async def create_user(
    request: Request,
    actor: Writer,
    content: Annotated[NewUser, Depends(JsonBody(NewUser, NEW_USER))],
    repeat: RepeatKey,
    users: Users,
) -> Response:
    """Make an account. A person without password is invited by mail to choose one, where this installation sends
    mails. Service accounts have API keys and no password."""
    view = await users.create(
        actor,
        name=content.name,
        email=content.email,
        password=content.password,
        roles=frozenset(content.roles),
        kind=content.kind,
        invite=True,
        repeat=repeat,
    )
    return changed(user_out(view), tag_of(view), status=201, location=place(request, "users", view.id), repeat=repeat)


@router.get("/{user_id}", response_model=UserOut, responses={200: shown(USER, "ETag")})
async def get_user(request: Request, actor: Reader, user_id: IdInPath, users: Users) -> Response:
    """One account."""
    view = await users.get(actor, user_id)
    return resource(request, user_out(view), tag_of(view))


@router.patch(
    "/{user_id}",
    response_model=UserOut,
    responses={
        200: shown(USER, "ETag"),
        **problems(EmailTaken, UnknownRole, LastAdministrator, RightsNotHeld, ReauthenticationRequired),
    },
)
async def change_user(
    actor: Writer,
    user_id: IdInPath,
    patch: Annotated[Patch[UserContent], Depends(MergePatch(UserContent, {"name": "Ada King"}))],
    precondition: IfMatch,
    users: Users,
) -> Response:
    """Change name, address or roles. New rights hold on every replica within a second."""

    async def change(seen: UserView, expected: int) -> UserView:
        content = patch.onto({"name": seen.name, "email": seen.email, "roles": list(seen.roles)})
        return await users.change(
            actor, user_id, name=content.name, email=content.email, roles=frozenset(content.roles), expected=expected
        )

    view = await precondition.hold(lambda: users.get(_seeing(actor), user_id), change, tag_of)
    return changed(user_out(view), tag_of(view))


@router.delete(
    "/{user_id}", status_code=204, responses=problems(LastAdministrator, RightsNotHeld, ReauthenticationRequired)
)
async def delete_user(
    actor: Annotated[Actor, needs(Permission.USERS_WRITE, "")], user_id: IdInPath, precondition: IfMatch, users: Users
) -> Response:
    """Remove an account with its sessions and keys. Personal data is erased; the audit trail stays provable."""
    await precondition.hold(
        lambda: users.get(_seeing(actor), user_id),
        lambda _, expected: users.delete(actor, user_id, expected=expected),
        tag_of,
    )
    return no_content()


@router.post(
    "/{user_id}/disable",
    response_model=UserOut,
    responses={
        200: shown({**USER, "status": "disabled"}, "ETag"),
        **problems(ALREADY_DISABLED, LastAdministrator, RightsNotHeld, ReauthenticationRequired),
    },
)
async def disable_user(actor: Writer, user_id: IdInPath, _: Empty, repeat: RepeatKey, users: Users) -> Response:
    """Shut a user out of every replica within a second."""
    view = await users.disable(actor, user_id, repeat=repeat)
    return changed(user_out(view), tag_of(view), repeat=repeat)


@router.post(
    "/{user_id}/enable",
    response_model=UserOut,
    responses={200: shown(USER, "ETag"), **problems(ALREADY_ACTIVE, RightsNotHeld, ReauthenticationRequired)},
)
async def enable_user(actor: Writer, user_id: IdInPath, _: Empty, repeat: RepeatKey, users: Users) -> Response:
    """Let a user in again."""
    view = await users.enable(actor, user_id, repeat=repeat)
    return changed(user_out(view), tag_of(view), repeat=repeat)


@router.post(
    "/{user_id}/invitation",
    status_code=202,
    response_model=UserOut,
    responses={202: shown(USER, "Location", "ETag"), **problems(AlreadyJoined, MailOff)},
)
async def invite_user(
    request: Request, actor: Writer, user_id: IdInPath, _: Empty, repeat: RepeatKey, users: Users
) -> Response:
    """Mail the invitation again to somebody who has not signed in yet. It replaces the one before."""
    view = await users.invite(actor, user_id, repeat=repeat)
    return changed(user_out(view), tag_of(view), status=202, location=place(request, "users", view.id), repeat=repeat)


@router.post(
    "/{user_id}/reset-factors",
    status_code=204,
    responses=problems(LastAdministrator, RightsNotHeld, ReauthenticationRequired),
)
async def reset_factors(
    actor: Annotated[Actor, needs(Permission.USERS_WRITE, "")],
    user_id: IdInPath,
    _: Empty,
    factor_reset: Annotated[FactorReset, provided("identity.factor_reset")],
) -> Response:
    """Forget all second factors of a user who has lost them, and end all sessions. The password alone signs in then.

    A password that was long enough only beside a second factor goes as well, and the user is mailed a link to choose
    another one.
    """
    await factor_reset.reset(actor, user_id)
    return no_content()


@router.put(
    "/{user_id}/roles/{name}",
    response_model=UserOut,
    responses={200: shown(USER, "ETag"), **problems(RightsNotHeld, ReauthenticationRequired)},
)
async def give_role(actor: Writer, user_id: IdInPath, name: NameInPath, users: Users) -> Response:
    """Give a role; nothing happens where the user has it."""
    view = await users.give_role(actor, user_id, name)
    return changed(user_out(view), tag_of(view))


@router.delete(
    "/{user_id}/roles/{name}",
    status_code=204,
    responses=problems(LastAdministrator, RightsNotHeld, ReauthenticationRequired),
)
async def take_role(
    actor: Annotated[Actor, needs(Permission.USERS_WRITE, "")], user_id: IdInPath, name: NameInPath, users: Users
) -> Response:
    """Take a role away; nothing happens where the user does not have it."""
    await users.take_role(actor, user_id, name)
    return no_content()


def _seeing(actor: Actor) -> Actor:
    return also(actor, Permission.USERS_READ)
