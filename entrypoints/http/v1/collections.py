"""Collections and their grants."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from application.knowledge.collections import CollectionService
from application.knowledge.views import CollectionView, GrantsView
from application.shared.unit_of_work import Repeat
from domain.knowledge.errors import LastManager
from domain.shared.actor import Actor, Permission
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, MergePatch, Patch
from entrypoints.http.conditional import Precondition, if_match, tag, tag_of
from entrypoints.http.documented import problems
from entrypoints.http.lists import listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, no_content, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import also, needs
from entrypoints.http.v1.schemas.collections import (
    COLLECTION,
    GRANTS,
    NEW_COLLECTION,
    CollectionContent,
    CollectionOut,
    CollectionParameters,
    CollectionsOut,
    GrantsIn,
    GrantsOut,
    collection_out,
    grant_view,
    grants_out,
)
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/collections", tags=["Collections"])

Collections = Annotated[CollectionService, provided("knowledge.collections")]
Reader = Annotated[Actor, needs(Permission.COLLECTIONS_READ)]
Writer = Annotated[Actor, needs(Permission.COLLECTIONS_WRITE)]
RepeatKey = Annotated[Repeat | None, repeat_key()]
IfMatch = Annotated[Precondition, if_match()]


@router.get("", response_model=CollectionsOut, responses={200: page_of(COLLECTION)})
async def list_collections(
    request: Request,
    actor: Reader,
    query: Annotated[ListQuery, listing(CollectionParameters, "created_at", "name")],
    collections: Collections,
) -> Response:
    """The collections that the caller may read."""
    page = await collections.page(actor, query)
    return await page_response(request, query, page, [collection_out(view) for view in page.items])


@router.post("", status_code=201, response_model=CollectionOut, responses={201: shown(COLLECTION, "Location", "ETag")})
async def create_collection(
    request: Request,
    actor: Writer,
    content: Annotated[CollectionContent, Depends(JsonBody(CollectionContent, NEW_COLLECTION))],
    repeat: RepeatKey,
    collections: Collections,
) -> Response:
    """Make a collection; whoever makes it becomes its manager."""
    view = await collections.create(
        actor, name=content.name, description=content.description, metadata=content.metadata, repeat=repeat
    )
    location = place(request, "collections", view.id)
    return changed(collection_out(view), tag_of(view), status=201, location=location, repeat=repeat)


@router.get("/{collection_id}", response_model=CollectionOut, responses={200: shown(COLLECTION, "ETag")})
async def get_collection(
    request: Request, actor: Reader, collection_id: IdInPath, collections: Collections
) -> Response:
    """One collection."""
    view = await collections.get(actor, collection_id)
    return resource(request, collection_out(view), tag_of(view))


@router.patch("/{collection_id}", response_model=CollectionOut, responses={200: shown(COLLECTION, "ETag")})
async def change_collection(
    actor: Writer,
    collection_id: IdInPath,
    patch: Annotated[Patch[CollectionContent], Depends(MergePatch(CollectionContent, {"description": "New."}))],
    precondition: IfMatch,
    collections: Collections,
) -> Response:
    """Change name, description or metadata; needs the level manage."""

    async def change(seen: CollectionView, expected: int) -> CollectionView:
        content = patch.onto({"name": seen.name, "description": seen.description, "metadata": seen.metadata})
        return await collections.change(
            actor,
            collection_id,
            name=content.name,
            description=content.description,
            metadata=content.metadata,
            expected=expected,
        )

    view = await precondition.hold(lambda: collections.get(_seeing(actor), collection_id), change, tag_of)
    return changed(collection_out(view), tag_of(view))


@router.delete("/{collection_id}", status_code=204)
async def delete_collection(
    actor: Annotated[Actor, needs(Permission.COLLECTIONS_WRITE, "")],
    collection_id: IdInPath,
    precondition: IfMatch,
    collections: Collections,
) -> Response:
    """Remove a collection with all its documents; needs the level manage."""
    await precondition.hold(
        lambda: collections.get(_seeing(actor), collection_id),
        lambda _, expected: collections.delete(actor, collection_id, expected=expected),
        tag_of,
    )
    return no_content()


@router.get("/{collection_id}/grants", response_model=GrantsOut, responses={200: shown(GRANTS, "ETag")})
async def get_grants(request: Request, actor: Reader, collection_id: IdInPath, collections: Collections) -> Response:
    """Who may read, write and manage; each level includes those before it."""
    view = await collections.grants(actor, collection_id)
    return resource(request, grants_out(view), _grants_tag(view))


@router.put(
    "/{collection_id}/grants",
    response_model=GrantsOut,
    responses={200: shown(GRANTS, "ETag"), **problems(LastManager)},
)
async def set_grants(
    actor: Writer,
    collection_id: IdInPath,
    content: Annotated[GrantsIn, Depends(JsonBody(GrantsIn, GRANTS))],
    precondition: IfMatch,
    collections: Collections,
) -> Response:
    """Replace all grants; needs the level manage. In force on every replica within a second."""
    grants = [grant_view(grant) for grant in content.grants]
    view = await precondition.hold(
        lambda: collections.grants(_seeing(actor), collection_id),
        lambda _, expected: collections.set_grants(actor, collection_id, grants, expected=expected),
        _grants_tag,
    )
    return changed(grants_out(view), _grants_tag(view))


def _grants_tag(view: GrantsView) -> str:
    return tag(view.collection_id, view.version)


def _seeing(actor: Actor) -> Actor:
    return also(actor, Permission.COLLECTIONS_READ)
