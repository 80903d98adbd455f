"""Collections and their grants as version 1 takes and shows them."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from application.knowledge.views import CollectionView, GrantsView, GrantView
from domain.knowledge.collections import DESCRIPTION_MAX, NAME_MAX, Level, SubjectType
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.lists import ListParameters
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, LINE, OTHER_ID, Id, Metadata, PageOut

Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=LINE)]
Description = Annotated[str, Field(max_length=DESCRIPTION_MAX)]


class CollectionContent(Input):
    """What of a collection can be chosen and changed."""

    name: Name
    description: Description = ""
    metadata: Metadata = Field(default_factory=dict)


class CollectionParameters(ListParameters):
    name: Annotated[str | None, Field(description="Exactly this name.", max_length=NAME_MAX)] = None
    q: Annotated[
        str | None,
        Field(description="A part of the name; the case of ASCII letters does not count.", max_length=NAME_MAX),
    ] = None


def _of_kinds(schema: dict[str, Any]) -> None:
    schema["if"] = {"properties": {"type": {"const": SubjectType.EVERYONE}}}
    schema["then"] = {"properties": {"id": {"type": "null"}}}
    schema["else"] = {"required": ["id"], "properties": {"id": {"type": "string"}}}


class SubjectIn(Input):
    """Who is granted something; `everyone` has no id."""

    model_config = ConfigDict(json_schema_extra=_of_kinds)

    type: SubjectType
    id: Id | None = None


class GrantIn(Input):
    subject: SubjectIn
    level: Level


class GrantsIn(Input):
    grants: Annotated[list[GrantIn], Field(max_length=1000)]


class SubjectOut(TypedDict):
    type: SubjectType
    id: UUID | None


class GrantOut(TypedDict):
    subject: SubjectOut
    level: Level


class GrantsOut(TypedDict):
    grants: list[GrantOut]


class CollectionOut(TypedDict):
    id: UUID
    name: str
    description: str
    metadata: dict[str, Any]
    created_at: Instant
    updated_at: Instant
    version: int


class CollectionsOut(PageOut):
    items: list[CollectionOut]


def collection_out(view: CollectionView) -> CollectionOut:
    return {
        "id": view.id,
        "name": view.name,
        "description": view.description,
        "metadata": dict(view.metadata),
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "version": view.version,
    }


def grants_out(view: GrantsView) -> GrantsOut:
    return {
        "grants": [
            {
                "subject": {"type": SubjectType(grant.subject_type), "id": grant.subject_id},
                "level": Level(grant.level),
            }
            for grant in view.grants
        ]
    }


def grant_view(grant: GrantIn) -> GrantView:
    return GrantView(subject_type=grant.subject.type.value, subject_id=grant.subject.id, level=grant.level.value)


NEW_COLLECTION: Final = {"name": "Handbook", "description": "How we work.", "metadata": {"team": "operations"}}
COLLECTION: Final = {
    "id": EXAMPLE_ID,
    **NEW_COLLECTION,
    "created_at": EXAMPLE_TIME,
    "updated_at": EXAMPLE_TIME,
    "version": 1,
}
GRANTS: Final = {
    "grants": [
        {"subject": {"type": "everyone", "id": None}, "level": "read"},
        {"subject": {"type": "user", "id": OTHER_ID}, "level": "manage"},
    ]
}
