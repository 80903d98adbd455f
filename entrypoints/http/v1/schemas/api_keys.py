"""API keys as version 1 takes and shows them."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.identity.views import ApiKeyView, IssuedApiKey
from domain.shared.actor import Permission
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.lists import ListParameters
from entrypoints.http.v1.schemas.users import Name
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, OTHER_ID, WHOLE, Id, PageOut, Time

OVERLAP_DEFAULT: Final = 3600
OVERLAP_MAX: Final = 7 * 24 * 3600
CIDR: Final = r"^[0-9A-Fa-f.:]{2,45}(/[0-9.]{1,15})?$"
"""What a network of IPv4 or IPv6 is written with; the domain reads it."""

Scopes = Annotated[list[Permission], Field(max_length=len(Permission))]
Networks = Annotated[
    list[Annotated[str, Field(max_length=64, pattern=CIDR, json_schema_extra={"format": "cidr"})]],
    Field(max_length=50, description="Networks in CIDR form from which the key is taken; none: from everywhere."),
]


class ApiKeyContent(Input):
    """What of a key can be chosen and changed. An empty list of scopes grants nothing."""

    name: Name
    scopes: Scopes
    expires_at: Time | None = None
    allowed_cidrs: Networks = Field(default_factory=list)


class NewApiKey(ApiKeyContent):
    owner_id: Annotated[
        Id | None, Field(description="A service account, for administrators; left out: a key of one's own.")
    ] = None


class Rotation(Input):
    overlap_seconds: Annotated[
        int,
        Field(ge=0, le=OVERLAP_MAX, description="How long the old secret is taken beside the new one."),
        WHOLE,
    ] = OVERLAP_DEFAULT


class ApiKeyParameters(ListParameters):
    pass


class ApiKeyOut(TypedDict):
    id: UUID
    owner_id: UUID
    name: str
    scopes: list[Permission]
    expires_at: Instant | None
    allowed_cidrs: list[str]
    last_used_at: Instant | None
    created_at: Instant
    updated_at: Instant
    version: int


class IssuedApiKeyOut(ApiKeyOut):
    """A key with its secret, which is shown this once."""

    secret: str


class ApiKeysOut(PageOut):
    items: list[ApiKeyOut]


def api_key_out(view: ApiKeyView) -> ApiKeyOut:
    return {
        "id": view.id,
        "owner_id": view.owner_id,
        "name": view.name,
        "scopes": [Permission(scope) for scope in view.scopes],
        "expires_at": view.expires_at,
        "allowed_cidrs": list(view.allowed_cidrs),
        "last_used_at": view.last_used_at,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "version": view.version,
    }


def issued_api_key_out(issued: IssuedApiKey) -> IssuedApiKeyOut:
    return {**api_key_out(issued.key), "secret": issued.secret}


NEW_API_KEY: Final = {"name": "nightly import", "scopes": ["documents:read", "documents:write"]}
API_KEY: Final = {
    "id": EXAMPLE_ID,
    "owner_id": OTHER_ID,
    "name": "nightly import",
    "scopes": ["documents:read", "documents:write"],
    "expires_at": None,
    "allowed_cidrs": [],
    "last_used_at": None,
    "created_at": EXAMPLE_TIME,
    "updated_at": EXAMPLE_TIME,
    "version": 1,
}
ISSUED_API_KEY: Final = {**API_KEY, "secret": "fo_019a3c4e7b107cc39d5e2f6a8b1c4d70_…"}
