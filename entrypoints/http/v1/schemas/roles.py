"""Roles and permissions as version 1 takes and shows them."""

from typing import Annotated, Final

from fastapi import Path
from pydantic import Field
from typing_extensions import TypedDict

from application.identity.views import RoleView
from domain.identity.roles import ROLE_DESCRIPTION_MAX, ROLE_NAME_MAX
from domain.shared.actor import Permission
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.values import PageOut

NAME: Final = "^[a-z][a-z0-9_-]*$"
NameInPath = Annotated[str, Path(max_length=ROLE_NAME_MAX, pattern=NAME, description="The name of the role.")]
"""What no role can be called is not found, and no store is asked for it."""
RoleName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=ROLE_NAME_MAX,
        pattern=NAME,
        description="It stays: small letters, digits, hyphens and underscores.",
    ),
]
Description = Annotated[str, Field(max_length=ROLE_DESCRIPTION_MAX)]
Permissions = Annotated[list[Permission], Field(max_length=len(Permission))]


class NewRole(Input):
    name: RoleName
    description: Description = ""
    permissions: Permissions


class RoleContent(Input):
    """What of a role can be changed."""

    description: Description
    permissions: Permissions


class RoleOut(TypedDict):
    name: str
    description: str
    permissions: list[Permission]
    every_collection: bool
    built_in: bool


class RolesOut(PageOut):
    items: list[RoleOut]


class PermissionEntryOut(TypedDict):
    name: Permission


class PermissionsOut(PageOut):
    items: list[PermissionEntryOut]


def role_out(role: RoleView) -> RoleOut:
    return {
        "name": role.name,
        "description": role.description,
        "permissions": [Permission(name) for name in role.permissions],
        "every_collection": role.every_collection,
        "built_in": role.built_in,
    }


def permission_out(permission: Permission) -> PermissionEntryOut:
    return {"name": permission}


NEW_ROLE: Final = {
    "name": "librarian",
    "description": "Looks after documents.",
    "permissions": ["collections:read", "documents:read", "documents:write"],
}
CUSTOM_ROLE: Final = {**NEW_ROLE, "every_collection": False, "built_in": False}
ROLE: Final = {
    "name": "viewer",
    "description": "Search and answers over what is granted, own API keys.",
    "permissions": ["answers", "api-keys", "collections:read", "documents:read", "jobs", "search"],
    "every_collection": False,
    "built_in": True,
}
