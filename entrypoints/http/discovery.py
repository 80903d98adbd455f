"""Well-known documents: the public keys (RFC 7517) and the metadata of the token endpoint (RFC 8414)."""

from typing import Annotated, Any, Final, NotRequired

from starlette.responses import Response
from typing_extensions import TypedDict

from application.identity.ports import AccessTokens
from domain.identity.sessions import Level
from domain.shared.actor import Origin, Permission
from entrypoints.http.provided import provided
from entrypoints.http.representations import json_response
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone
from entrypoints.http.v1.schemas.values import shown

router = Router(tags=["Sign-in"])
Anybody = Annotated[Origin, anyone()]
CACHED = {"Cache-Control": "public, max-age=60"}


class KeyOut(TypedDict):
    """A public key, RFC 8037."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: NotRequired[str]
    use: NotRequired[str]


class KeySetOut(TypedDict):
    keys: list[KeyOut]


class ServerMetadataOut(TypedDict):
    """What RFC 8414 has clients find out by themselves."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    scopes_supported: list[str]
    acr_values_supported: list[str]
    service_documentation: NotRequired[str]


def server_metadata(base: str, *, password_grant: bool, shows_docs: bool) -> ServerMetadataOut:
    """The metadata of a service that is published at `base`."""
    metadata: ServerMetadataOut = {
        "issuer": base,
        "token_endpoint": f"{base}/api/v1/auth/token",
        "revocation_endpoint": f"{base}/api/v1/auth/revoke",
        "introspection_endpoint": f"{base}/api/v1/auth/introspect",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": [*(["password"] if password_grant else []), "refresh_token"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": sorted(Permission),
        "acr_values_supported": [level.value for level in Level],
    }
    if shows_docs:
        metadata["service_documentation"] = f"{base}/docs"
    return metadata


KEYS: Final = {
    "keys": [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "9ASIty_Fo8U8h-0uiM9PnyzhIwjlEM31ox7LtTOpJdE",
            "kid": "umnzvxJzEVcb2VITZiU-cvLHUKuHX9WA0bCqfqdsbrQ",
            "alg": "Ed25519",
            "use": "sig",
        }
    ]
}
METADATA: Final = server_metadata("https://kb.example.com", password_grant=True, shows_docs=True)


@router.get("/.well-known/jwks.json", response_model=KeySetOut, responses={200: shown(KEYS)})
async def list_public_keys(_: Anybody, tokens: Annotated[AccessTokens, provided("security.access_tokens")]) -> Response:
    """The keys that access tokens are checked with, the next one included, so that a rotation refuses nobody."""
    return json_response(tokens.jwks(), headers=CACHED)


@router.get(
    "/.well-known/oauth-authorization-server",
    response_model=ServerMetadataOut,
    responses={200: shown(METADATA)},
)
async def show_server_metadata(_: Anybody, settings: Annotated[Any, provided("settings")]) -> Response:
    """Where tokens are had, and how, RFC 8414."""
    metadata = server_metadata(
        settings.public_url,
        password_grant=settings.access.password_grant == "on",  # noqa: S105 (a switch)
        shows_docs=settings.shows_api_docs,
    )
    return json_response(metadata, headers=CACHED)
