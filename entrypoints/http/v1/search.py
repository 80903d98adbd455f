"""Searches."""

from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from application.knowledge.search import SearchQuery, SearchService
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Invalid, NotFound
from entrypoints.http.bodies import JsonBody
from entrypoints.http.documented import problems
from entrypoints.http.limits import SEARCH as SEARCH_LOAD
from entrypoints.http.provided import provided
from entrypoints.http.representations import json_response
from entrypoints.http.routers import Router
from entrypoints.http.security import needs
from entrypoints.http.v1.schemas.search import SEARCH, SEARCH_ANSWER, SearchIn, SearchOut, search_out
from entrypoints.http.v1.schemas.values import shown

router = Router("/api/v1/search", tags=["Search"])

FILTER_INVALID = Invalid("filter_invalid", "The filter is not understood; see errors.")
COLLECTION_NOT_FOUND = NotFound(
    "collection_not_found", "One of these collections is not there, or you may not read it."
)


@router.post(
    "",
    response_model=SearchOut,
    responses={200: shown(SEARCH_ANSWER), **problems(FILTER_INVALID, COLLECTION_NOT_FOUND)},
)
async def search(
    actor: Annotated[Actor, needs(Permission.SEARCH, load=SEARCH_LOAD)],
    content: Annotated[SearchIn, Depends(JsonBody(SearchIn, SEARCH))],
    service: Annotated[SearchService, provided("knowledge.search")],
) -> Response:
    """Find chunks by meaning, by keywords, or by both.

    Only chunks that the caller may read influence any number of the answer. Pages of one ranking partition it while
    the index is unchanged.
    """
    query = SearchQuery(
        query=content.query,
        mode=content.mode,
        limit=content.limit,
        offset=content.offset,
        collection_ids=content.collection_ids,
        filter=content.filter,
        group_by=content.group_by,
        explain=content.explain,
    )
    return json_response(search_out(await service.search(actor, query)))
