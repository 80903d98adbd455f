"""Roles and permissions, to be read."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from application.identity.roles import RoleService
from domain.shared.actor import Actor, Permission
from domain.shared.values import Cursor, ListQuery, Page
from entrypoints.http.lists import ListParameters, listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.representations import content_tag, resource
from entrypoints.http.security import needs
from entrypoints.http.v1.schemas.roles import (
    ROLE,
    PermissionsOut,
    RoleOut,
    RolesOut,
    permission_out,
    role_out,
)
from entrypoints.http.v1.schemas.values import page_of, shown

router = APIRouter(prefix="/api/v1", tags=["Roles"])

T = TypeVar("T")
Roles = Annotated[RoleService, provided("identity.roles")]
Reader = Annotated[Actor, needs(Permission.ROLES_READ)]
ByName = Annotated[ListQuery, listing(ListParameters, "name", descending=False)]


@router.get("/roles", response_model=RolesOut, responses={200: page_of(ROLE)})
async def list_roles(request: Request, actor: Reader, query: ByName, roles: Roles) -> Response:
    """All roles. The built-in ones cannot be changed."""
    page = paged(await roles.list(actor), lambda role: role.name, query)
    return await page_response(request, query, page, [role_out(role) for role in page.items])


@router.get("/roles/{name}", response_model=RoleOut, responses={200: shown(ROLE, "ETag")})
async def get_role(request: Request, actor: Reader, name: str, roles: Roles) -> Response:
    """One role with its permissions."""
    shown_role = role_out(await roles.get(actor, name))
    return resource(request, shown_role, content_tag(shown_role))


@router.get("/permissions", response_model=PermissionsOut, responses={200: page_of({"name": "users:read"})})
async def list_permissions(request: Request, _: Reader, query: ByName) -> Response:
    """All permissions; they are also the scopes of API keys."""
    page = paged(sorted(Permission), lambda permission: permission.value, query)
    return await page_response(request, query, page, [permission_out(permission) for permission in page.items])


def paged(items: Sequence[T], name: Callable[[T], str], query: ListQuery) -> Page[T]:
    """A page of a short list that lies in memory, in the order of unique names."""
    ordered = sorted(items, key=name, reverse=query.sort.descending)
    if query.cursor is not None:
        after = query.cursor.value
        ordered = [item for item in ordered if (name(item) < after if query.sort.descending else name(item) > after)]
    page = ordered[: query.limit]
    more = len(ordered) > len(page)
    return Page(page, Cursor(name(page[-1]), name(page[-1])) if more else None)
