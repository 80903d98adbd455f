"""API keys: secrets for programs."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.api_keys import ApiKeyService
from application.identity.views import ApiKeyView
from application.shared.unit_of_work import Repeat
from domain.identity.errors import RightsNotHeld, ScopeNotHeld
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound, ReauthenticationRequired, WrongState
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, MergePatch, Patch
from entrypoints.http.conditional import Precondition, if_match, tag_of
from entrypoints.http.documented import problems
from entrypoints.http.lists import listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, no_content, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import needs
from entrypoints.http.v1.schemas.api_keys import (
    API_KEY,
    ISSUED_API_KEY,
    NEW_API_KEY,
    ApiKeyContent,
    ApiKeyOut,
    ApiKeyParameters,
    ApiKeysOut,
    IssuedApiKeyOut,
    NewApiKey,
    Rotation,
    api_key_out,
    issued_api_key_out,
)
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/api-keys", tags=["API keys"])

ApiKeys = Annotated[ApiKeyService, provided("identity.api_keys")]
Holder = Annotated[Actor, needs(Permission.API_KEYS)]
RepeatKey = Annotated[Repeat | None, repeat_key()]
IfMatch = Annotated[Precondition, if_match(required=False)]
SERVICE_ACCOUNT_NOT_FOUND: Final = NotFound(
    "service_account_not_found", "There is no service account of this id that you may make keys for."
)
EXPIRED: Final = WrongState("api_key_expired", "This key has expired: make a new one.")


@router.get("", response_model=ApiKeysOut, responses={200: page_of(API_KEY)})
async def list_api_keys(
    request: Request,
    actor: Holder,
    query: Annotated[ListQuery, listing(ApiKeyParameters, "created_at", "name")],
    api_keys: ApiKeys,
) -> Response:
    """One's own keys, without their secrets."""
    page = await api_keys.page(actor, query)
    return await page_response(request, query, page, [api_key_out(view) for view in page.items])


@router.post(
    "",
    status_code=201,
    response_model=IssuedApiKeyOut,
    responses={
        201: shown(ISSUED_API_KEY, "Location", "ETag"),
        **problems(ScopeNotHeld, RightsNotHeld, SERVICE_ACCOUNT_NOT_FOUND, ReauthenticationRequired),
    },
)
async def create_api_key(
    request: Request,
    actor: Holder,
    content: Annotated[NewApiKey, Depends(JsonBody(NewApiKey, NEW_API_KEY))],
    repeat: RepeatKey,
    api_keys: ApiKeys,
) -> Response:
    """Make a key. Its secret is shown this once; its scopes never exceed one's own permissions."""
    issued = await api_keys.create(
        actor,
        name=content.name,
        scopes=frozenset(content.scopes),
        expires_at=content.expires_at,
        allowed_cidrs=tuple(content.allowed_cidrs),
        owner_id=content.owner_id,
        repeat=repeat,
    )
    location = place(request, "api-keys", issued.key.id)
    return changed(issued_api_key_out(issued), tag_of(issued.key), status=201, location=location, repeat=repeat)


@router.get("/{key_id}", response_model=ApiKeyOut, responses={200: shown(API_KEY, "ETag")})
async def get_api_key(request: Request, actor: Holder, key_id: IdInPath, api_keys: ApiKeys) -> Response:
    """One key, without its secret."""
    view = await api_keys.get(actor, key_id)
    return resource(request, api_key_out(view), tag_of(view))


@router.patch(
    "/{key_id}",
    response_model=ApiKeyOut,
    responses={200: shown(API_KEY, "ETag"), **problems(ScopeNotHeld, ReauthenticationRequired)},
)
async def change_api_key(
    actor: Holder,
    key_id: IdInPath,
    patch: Annotated[Patch[ApiKeyContent], Depends(MergePatch(ApiKeyContent, {"scopes": ["search"]}))],
    precondition: IfMatch,
    api_keys: ApiKeys,
) -> Response:
    """Change name, scopes, expiry or networks of a key; its secret stays."""

    async def change(seen: ApiKeyView, expected: int) -> ApiKeyView:
        content = patch.onto(
            {
                "name": seen.name,
                "scopes": list(seen.scopes),
                "expires_at": seen.expires_at,
                "allowed_cidrs": list(seen.allowed_cidrs),
            }
        )
        return await api_keys.change(
            actor,
            key_id,
            name=content.name,
            scopes=frozenset(content.scopes),
            expires_at=content.expires_at,
            allowed_cidrs=tuple(content.allowed_cidrs),
            expected=expected,
        )

    view = await precondition.hold(lambda: api_keys.get(actor, key_id), change, tag_of)
    return changed(api_key_out(view), tag_of(view))


@router.delete("/{key_id}", status_code=204)
async def revoke_api_key(
    actor: Annotated[Actor, needs(Permission.API_KEYS, "")], key_id: IdInPath, precondition: IfMatch, api_keys: ApiKeys
) -> Response:
    """Revoke a key for good; it stops within a second."""
    await precondition.hold(
        lambda: api_keys.get(actor, key_id),
        lambda _, expected: api_keys.revoke(actor, key_id, expected=expected),
        tag_of,
    )
    return no_content()


@router.post(
    "/{key_id}/rotate",
    response_model=IssuedApiKeyOut,
    responses={200: shown(ISSUED_API_KEY, "ETag"), **problems(EXPIRED, ReauthenticationRequired)},
)
async def rotate_api_key(
    actor: Holder,
    key_id: IdInPath,
    rotation: Annotated[Rotation, Depends(JsonBody(Rotation, {"overlap_seconds": 3600}, optional=True))],
    repeat: RepeatKey,
    api_keys: ApiKeys,
) -> Response:
    """Give a key a new secret, shown this once. The old one is taken for `overlap_seconds` more."""
    overlap = timedelta(seconds=rotation.overlap_seconds)
    issued = await api_keys.rotate(actor, key_id, overlap=overlap, repeat=repeat)
    return changed(issued_api_key_out(issued), tag_of(issued.key), repeat=repeat)
