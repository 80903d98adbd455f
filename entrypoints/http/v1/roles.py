"""Roles and the permissions that they are made of."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.roles import RoleService
from application.identity.views import RoleView
from application.shared.unit_of_work import Repeat
from domain.identity.errors import RightsNotHeld, RoleBuiltIn, RoleInUse, RoleNameTaken
from domain.shared.actor import Actor, Permission
from domain.shared.errors import ReauthenticationRequired
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, MergePatch, Patch
from entrypoints.http.conditional import Precondition, if_match, tag
from entrypoints.http.documented import problems
from entrypoints.http.lists import ListParameters, listing, page_response, paged
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, content_tag, no_content, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import also, needs
from entrypoints.http.v1.schemas.roles import (
    CUSTOM_ROLE,
    NEW_ROLE,
    ROLE,
    NameInPath,
    NewRole,
    PermissionsOut,
    RoleContent,
    RoleOut,
    RolesOut,
    permission_out,
    role_out,
)
from entrypoints.http.v1.schemas.values import page_of, shown

router = Router("/api/v1", tags=["Roles"])

Roles = Annotated[RoleService, provided("identity.roles")]
Reader = Annotated[Actor, needs(Permission.ROLES_READ)]
Writer = Annotated[Actor, needs(Permission.ROLES_WRITE)]
IfMatch = Annotated[Precondition, if_match()]
ByName = Annotated[ListQuery, listing(ListParameters, "name", descending=False)]


@router.get("/roles", response_model=RolesOut, responses={200: page_of(ROLE)})
async def list_roles(request: Request, actor: Reader, query: ByName, roles: Roles) -> Response:
    """All roles. The built-in ones cannot be changed."""
    page = paged(await roles.list(actor), lambda role: role.name, query)
    return await page_response(request, query, page, [role_out(role) for role in page.items])


@router.get("/roles/{name}", response_model=RoleOut, responses={200: shown(ROLE, "ETag")})
async def get_role(request: Request, actor: Reader, name: NameInPath, roles: Roles) -> Response:
    """One role with its permissions."""
    view = await roles.get(actor, name)
    return resource(request, role_out(view), _tag(view))


@router.post(
    "/roles",
    status_code=201,
    response_model=RoleOut,
    responses={
        201: shown(CUSTOM_ROLE, "Location", "ETag"),
        **problems(RoleNameTaken, RightsNotHeld, ReauthenticationRequired),
    },
)
async def create_role(
    request: Request,
    actor: Writer,
    content: Annotated[NewRole, Depends(JsonBody(NewRole, NEW_ROLE))],
    repeat: Annotated[Repeat | None, repeat_key()],
    roles: Roles,
) -> Response:
    """Make a role of permissions that one holds oneself."""
    view = await roles.create(
        actor,
        name=content.name,
        description=content.description,
        permissions=frozenset(content.permissions),
        repeat=repeat,
    )
    return changed(role_out(view), _tag(view), status=201, location=place(request, "roles", view.name), repeat=repeat)


@router.patch(
    "/roles/{name}",
    response_model=RoleOut,
    responses={200: shown(CUSTOM_ROLE, "ETag"), **problems(RoleBuiltIn, RightsNotHeld, ReauthenticationRequired)},
)
async def change_role(
    actor: Writer,
    name: NameInPath,
    patch: Annotated[Patch[RoleContent], Depends(MergePatch(RoleContent, {"permissions": ["documents:read"]}))],
    precondition: IfMatch,
    roles: Roles,
) -> Response:
    """Change what a role allows. It holds for everybody who has the role within a second."""

    async def change(seen: RoleView, expected: int) -> RoleView:
        content = patch.onto({"description": seen.description, "permissions": list(seen.permissions)})
        permissions = frozenset(content.permissions)
        return await roles.change(
            actor, name, description=content.description, permissions=permissions, expected=expected
        )

    view = await precondition.hold(lambda: roles.get(_seeing(actor), name), change, _tag)
    return changed(role_out(view), _tag(view))


@router.delete(
    "/roles/{name}",
    status_code=204,
    responses=problems(RoleBuiltIn, RoleInUse, RightsNotHeld, ReauthenticationRequired),
)
async def delete_role(
    actor: Annotated[Actor, needs(Permission.ROLES_WRITE, "")], name: NameInPath, precondition: IfMatch, roles: Roles
) -> Response:
    """Remove a role that nobody has."""
    await precondition.hold(
        lambda: roles.get(_seeing(actor), name),
        lambda _, expected: roles.delete(actor, name, expected=expected),
        _tag,
    )
    return no_content()


@router.get("/permissions", response_model=PermissionsOut, responses={200: page_of({"name": "users:read"})})
async def list_permissions(request: Request, _: Reader, query: ByName) -> Response:
    """All permissions; they are also the scopes of API keys."""
    page = paged(sorted(Permission), lambda permission: permission.value, query)
    return await page_response(request, query, page, [permission_out(permission) for permission in page.items])


def _tag(view: RoleView) -> str:
    """Of a custom role by its version; a built-in one changes with the release at most."""
    return content_tag(role_out(view)) if view.id is None else tag(view.id, view.version)


def _seeing(actor: Actor) -> Actor:
    return also(actor, Permission.ROLES_READ)
