"""Users as version 1 takes and shows them."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from application.identity.views import SessionView, UserView
from domain.identity.password_policy import PASSWORD_MAX, PASSWORD_MIN_ALLOWED
from domain.identity.users import EMAIL_MAX, NAME_MAX, UserKind, UserStatus, folded_email
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.lists import ListParameters
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, LINE, OTHER_ID, PageOut

ROLES_MAX: Final = 50

_PART: Final = r"[^\s@\x00-\x1f\x7f-\x9f\ufeff\"(),:;<>\[\\\]]"
EMAIL: Final = rf"^\s*{_PART}{{1,64}}@{_PART}+\.{_PART.replace('@', '@.')}{{2,63}}\s*$"
"""An address before it is brought to normal form; those of RFC 6531, beyond ASCII, are among them."""

Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=LINE)]
Email = Annotated[str, Field(min_length=3, max_length=EMAIL_MAX, json_schema_extra={"pattern": EMAIL})]
Password = Annotated[str, Field(min_length=1, max_length=PASSWORD_MAX, json_schema_extra={"format": "password"})]
NewPassword = Annotated[
    str,
    Field(
        max_length=PASSWORD_MAX,
        description="As long as PASSWORD_MIN_LENGTH says, not a common one, and not the account's own name.",
        json_schema_extra={"format": "password", "minLength": PASSWORD_MIN_ALLOWED},
    ),
]
RoleNames = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=ROLES_MAX)]


def _of_kinds(schema: dict[str, Any]) -> None:
    """Service accounts have API keys and no password."""
    schema["if"] = {"required": ["kind"], "properties": {"kind": {"const": UserKind.SERVICE}}}
    schema["then"] = {"properties": {"password": {"type": "null"}}}


class NewUser(Input):
    model_config = ConfigDict(json_schema_extra=_of_kinds)

    name: Name
    email: Email
    password: NewPassword | None = None
    roles: RoleNames = Field(default_factory=list)
    kind: UserKind = UserKind.PERSON


class UserContent(Input):
    """What of a user can be changed."""

    name: Name
    email: Email
    roles: RoleNames


class AccountContent(Input):
    """What of one's own account can be changed."""

    name: Name
    email: Email


class PasswordChange(Input):
    current_password: Password
    new_password: NewPassword


class UserParameters(ListParameters):
    email: Annotated[
        Annotated[str, AfterValidator(folded_email)] | None,
        Field(description="Exactly this address; case does not count."),
    ] = None
    status: Annotated[UserStatus | None, Field(description="Whether they may sign in.")] = None
    role: Annotated[str | None, Field(description="Those that have this role.")] = None
    q: Annotated[
        str | None,
        Field(
            description="A part of the name or the address; the case of ASCII letters does not count.", max_length=200
        ),
    ] = None


class UserOut(TypedDict):
    id: UUID
    name: str
    email: str
    email_verified: bool
    kind: UserKind
    status: UserStatus
    roles: list[str]
    created_at: Instant
    updated_at: Instant
    version: int


class UsersOut(PageOut):
    items: list[UserOut]


class SessionOut(TypedDict):
    """One sign-in with the refresh tokens that grew from it."""

    id: UUID
    client_address: str | None
    user_agent: str | None
    created_at: Instant
    expires_at: Instant
    authenticated_at: Annotated[Instant, Field(description="When the person last proved who it is.")]
    amr: Annotated[
        list[str], Field(description="How: `pwd`, `otp`, `recovery`, `pop`, `user`, `mfa`, `fed` (RFC 8176).")
    ]
    current: Annotated[bool, Field(description="Whether this request belongs to it.")]


class SessionsOut(PageOut):
    items: list[SessionOut]


def user_out(view: UserView) -> UserOut:
    return {
        "id": view.id,
        "name": view.name,
        "email": view.email,
        "email_verified": view.email_verified,
        "kind": UserKind(view.kind),
        "status": UserStatus(view.status),
        "roles": list(view.roles),
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "version": view.version,
    }


def session_out(view: SessionView, current: UUID | None) -> SessionOut:
    return {
        "id": view.id,
        "client_address": view.client_address,
        "user_agent": view.user_agent,
        "created_at": view.created_at,
        "expires_at": view.expires_at,
        "authenticated_at": view.authenticated_at,
        "amr": list(view.methods),
        "current": view.id == current,
    }


NEW_USER: Final = {"name": "Ada Lovelace", "email": "ada@example.com", "roles": ["editor"]}
USER: Final = {
    "id": EXAMPLE_ID,
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "email_verified": False,
    "kind": "person",
    "status": "active",
    "roles": ["editor"],
    "created_at": EXAMPLE_TIME,
    "updated_at": EXAMPLE_TIME,
    "version": 1,
}
SESSION: Final = {
    "id": OTHER_ID,
    "client_address": "192.0.2.17",
    "user_agent": "fastops-client/1.0",
    "created_at": EXAMPLE_TIME,
    "expires_at": "2026-03-02T12:00:00.000000Z",
    "authenticated_at": EXAMPLE_TIME,
    "amr": ["pwd"],
    "current": True,
}
