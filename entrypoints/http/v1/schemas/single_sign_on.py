"""Single sign-on and linked identities as version 1 takes and shows them."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field
from pydantic.functional_validators import BeforeValidator
from typing_extensions import TypedDict

from application.identity.federation import Provider
from application.identity.federation_texts import RETURN_TO_MAX
from application.identity.views import IdentityView
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.lists import whole_number
from entrypoints.http.queries import Parameters
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, PageOut

DAY_SECONDS: Final = 86_400
PROVIDER_NAME: Final = "^[a-z0-9][a-z0-9-]{0,39}$"
ProviderInPath = Annotated[str, Path(pattern=PROVIDER_NAME, description="The name of the provider.")]


class LoginParameters(Parameters):
    """How a sign-in shall go and end."""

    return_to: Annotated[
        str | None,
        Field(
            max_length=RETURN_TO_MAX,
            description="Where the browser ends, with `code`: an address of this service or of CORS_ORIGINS.",
            json_schema_extra={"format": "uri"},
        ),
    ] = None
    code_challenge: Annotated[
        str | None,
        Field(
            pattern="^[A-Za-z0-9_-]{43}$",
            description="With `return_to`: SHA-256 of a verifier in base64url (RFC 7636 S256), which the code is bound "
            "to.",
        ),
    ] = None
    max_age: Annotated[
        Annotated[int, Field(ge=0, le=DAY_SECONDS)] | None,
        BeforeValidator(whole_number),
        Field(description="Seconds within which the person must have signed in there."),
    ] = None
    link: Annotated[
        Literal["true", "false"],
        Field(description="`true`: the code adds the identity to one's account at `/me/identities`, instead."),
    ] = "false"


class CallbackParameters(BaseModel):
    """What a provider sends along (RFC 6749 §4.1.2, RFC 9207). What it adds of its own is let by."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    code: Annotated[str | None, Field(max_length=4096, description="For tokens of the provider.")] = None
    state: Annotated[str | None, Field(max_length=512, description="That of the attempt.")] = None
    iss: Annotated[str | None, Field(max_length=512, description="The issuer that answers.")] = None
    error: Annotated[str | None, Field(max_length=512, description="Why nobody was signed in.")] = None


class LinkContent(Input):
    """A code of a sign-in with `link`, and the verifier of its challenge."""

    code: Annotated[str, Field(min_length=1, max_length=4096)]
    code_verifier: Annotated[str, Field(pattern="^[A-Za-z0-9._~-]{43,128}$")]


class ProviderOut(TypedDict):
    """A provider that people may sign in by."""

    name: str
    title: Annotated[str, Field(description="What to write on the button.")]
    login_url: Annotated[str, Field(description="Where to send the browser.", json_schema_extra={"format": "uri"})]


class ProvidersOut(PageOut):
    items: list[ProviderOut]


class IdentityOut(TypedDict):
    """An account at a provider, by which somebody signs in here."""

    id: UUID
    provider: str
    issuer: str
    subject: Annotated[str, Field(description="The account there, as the provider names it.")]
    created_at: Instant


class IdentitiesOut(PageOut):
    items: list[IdentityOut]


def provider_out(provider: Provider, base: str) -> ProviderOut:
    return {
        "name": provider.name,
        "title": provider.title,
        "login_url": f"{base}/api/v1/auth/oidc/{provider.name}/login",
    }


def identity_out(view: IdentityView) -> IdentityOut:
    return {
        "id": view.id,
        "provider": view.provider,
        "issuer": view.issuer,
        "subject": view.subject,
        "created_at": view.created_at,
    }


PROVIDER: Final = {
    "name": "corp",
    "title": "Example Corp",
    "login_url": "https://kb.example.com/api/v1/auth/oidc/corp/login",
}
IDENTITY: Final[dict[str, Any]] = {
    "id": EXAMPLE_ID,
    "provider": "corp",
    "issuer": "https://id.example.com",
    "subject": "248289761001",
    "created_at": EXAMPLE_TIME,
}
LINK: Final = {
    "code": "AYx3…",
    "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
}
