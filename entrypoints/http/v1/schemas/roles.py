"""Roles and permissions as version 1 shows them."""

from typing import Final

from typing_extensions import TypedDict

from application.identity.views import RoleView
from domain.shared.actor import Permission


class RoleOut(TypedDict):
    name: str
    description: str
    permissions: list[str]
    every_collection: bool
    built_in: bool


class RolesOut(TypedDict):
    items: list[RoleOut]
    next_cursor: None


class PermissionOut(TypedDict):
    name: str


class PermissionsOut(TypedDict):
    items: list[PermissionOut]
    next_cursor: None


def role_out(role: RoleView) -> RoleOut:
    return {
        "name": role.name,
        "description": role.description,
        "permissions": list(role.permissions),
        "every_collection": role.every_collection,
        "built_in": role.built_in,
    }


def permission_out(permission: Permission) -> PermissionOut:
    return {"name": permission.value}


ROLE: Final = {
    "name": "viewer",
    "description": "Search and answers over what is granted, own API keys.",
    "permissions": ["answers", "api-keys", "collections:read", "documents:read", "jobs", "search"],
    "every_collection": False,
    "built_in": True,
}
