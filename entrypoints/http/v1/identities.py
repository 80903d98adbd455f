"""The accounts at OpenID providers that one's own account is linked to."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.identities import IdentityService
from application.shared.unit_of_work import Repeat
from domain.identity.errors import IdentityNeeded, IdentityTaken, InvalidGrant, SessionRequired
from domain.shared.actor import Actor
from domain.shared.errors import ReauthenticationRequired
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody
from entrypoints.http.conditional import Precondition, if_match, tag_of
from entrypoints.http.documented import problems
from entrypoints.http.lists import ListParameters, listing, page_response, paged
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, no_content, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import signed_in
from entrypoints.http.v1.schemas.single_sign_on import IDENTITY, LINK, IdentitiesOut, IdentityOut, LinkContent
from entrypoints.http.v1.schemas.single_sign_on import identity_out as out
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/me/identities", tags=["Account"])

Identities = Annotated[IdentityService, provided("identity.identities")]
Oneself = Annotated[Actor, signed_in()]
ByTime = Annotated[ListQuery, listing(ListParameters, "created_at")]


@router.get("", response_model=IdentitiesOut, responses={200: page_of(IDENTITY), **problems(SessionRequired)})
async def list_identities(request: Request, actor: Oneself, query: ByTime, identities: Identities) -> Response:
    """The accounts at OpenID providers by which one signs in."""
    page = paged(await identities.list(actor), lambda view: str(view.id), query)
    return await page_response(request, query, page, [out(view) for view in page.items])


@router.get(
    "/{identity_id}", response_model=IdentityOut, responses={200: shown(IDENTITY, "ETag"), **problems(SessionRequired)}
)
async def get_identity(request: Request, actor: Oneself, identity_id: IdInPath, identities: Identities) -> Response:
    """One of them."""
    view = await identities.get(actor, identity_id)
    return resource(request, out(view), tag_of(view))


@router.post(
    "",
    status_code=201,
    response_model=IdentityOut,
    responses={
        201: shown(IDENTITY, "Location", "ETag"),
        **problems(InvalidGrant, IdentityTaken, SessionRequired, ReauthenticationRequired),
    },
)
async def link_identity(
    request: Request,
    actor: Oneself,
    content: Annotated[LinkContent, Depends(JsonBody(LinkContent, LINK))],
    repeat: Annotated[Repeat | None, repeat_key()],
    identities: Identities,
) -> Response:
    """Link the identity of a sign-in that was begun with `link=true`; one signs in by it from then on."""
    view = await identities.link(actor, code=content.code, verifier=content.code_verifier, repeat=repeat)
    location = place(request, "me", "identities", view.id)
    return changed(out(view), tag_of(view), status=201, location=location, repeat=repeat)


@router.delete(
    "/{identity_id}",
    status_code=204,
    responses=problems(IdentityNeeded, SessionRequired, ReauthenticationRequired),
)
async def unlink_identity(
    actor: Annotated[Actor, signed_in("")],
    identity_id: IdInPath,
    precondition: Annotated[Precondition, if_match(required=False)],
    identities: Identities,
) -> Response:
    """Sign in by it no more. Sessions that it has begun go on until they are ended."""
    await precondition.hold(
        lambda: identities.get(actor, identity_id),
        lambda _, expected: identities.unlink(actor, identity_id, expected=expected),
        tag_of,
    )
    return no_content()
