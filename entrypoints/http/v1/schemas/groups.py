"""Groups as version 1 takes and shows them."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.identity.views import GroupView
from domain.identity.groups import GROUP_DESCRIPTION_MAX, GROUP_NAME_MAX
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.lists import ListParameters
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, LINE, Id, PageOut

Name = Annotated[str, Field(min_length=1, max_length=GROUP_NAME_MAX, pattern=LINE)]
Description = Annotated[str, Field(max_length=GROUP_DESCRIPTION_MAX)]


class GroupContent(Input):
    """What of a group can be chosen and changed. Members have endpoints of their own."""

    name: Name
    description: Description = ""


class GroupParameters(ListParameters):
    name: Annotated[str | None, Field(description="Exactly this name.", max_length=GROUP_NAME_MAX)] = None
    q: Annotated[
        str | None,
        Field(description="A part of the name; the case of ASCII letters does not count.", max_length=GROUP_NAME_MAX),
    ] = None
    member: Annotated[Id | None, Field(description="Those that this user is in.")] = None


class GroupOut(TypedDict):
    id: UUID
    name: str
    description: str
    member_count: int
    created_at: Instant
    updated_at: Instant
    version: int


class GroupsOut(PageOut):
    items: list[GroupOut]


def group_out(view: GroupView) -> GroupOut:
    return {
        "id": view.id,
        "name": view.name,
        "description": view.description,
        "member_count": view.member_count,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "version": view.version,
    }


NEW_GROUP: Final = {"name": "Research", "description": "Everybody in the laboratory."}
GROUP: Final = {
    "id": EXAMPLE_ID,
    **NEW_GROUP,
    "member_count": 7,
    "created_at": EXAMPLE_TIME,
    "updated_at": EXAMPLE_TIME,
    "version": 1,
}
