"""Groups and who is in them."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.groups import GroupService
from application.identity.views import GroupView
from application.shared.unit_of_work import Repeat
from domain.identity.errors import GroupNameTaken
from domain.shared.actor import Actor, Permission
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, MergePatch, Patch
from entrypoints.http.conditional import Precondition, if_match, tag_of
from entrypoints.http.documented import problems
from entrypoints.http.lists import listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, no_content, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import also, needs
from entrypoints.http.v1.schemas.groups import (
    GROUP,
    NEW_GROUP,
    GroupContent,
    GroupOut,
    GroupParameters,
    GroupsOut,
    group_out,
)
from entrypoints.http.v1.schemas.users import USER, UserParameters, UsersOut, user_out
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/groups", tags=["Groups"])

Groups = Annotated[GroupService, provided("identity.groups")]
Reader = Annotated[Actor, needs(Permission.GROUPS_READ)]
Writer = Annotated[Actor, needs(Permission.GROUPS_WRITE)]
SilentWriter = Annotated[Actor, needs(Permission.GROUPS_WRITE, "")]
IfMatch = Annotated[Precondition, if_match()]


@router.get("", response_model=GroupsOut, responses={200: page_of(GROUP)})
async def list_groups(
    request: Request,
    actor: Reader,
    query: Annotated[ListQuery, listing(GroupParameters, "created_at", "name")],
    groups: Groups,
) -> Response:
    """All groups."""
    page = await groups.page(actor, query)
    return await page_response(request, query, page, [group_out(view) for view in page.items])


@router.post(
    "",
    status_code=201,
    response_model=GroupOut,
    responses={201: shown({**GROUP, "member_count": 0}, "Location", "ETag"), **problems(GroupNameTaken)},
)
async def create_group(
    request: Request,
    actor: Writer,
    content: Annotated[GroupContent, Depends(JsonBody(GroupContent, NEW_GROUP))],
    repeat: Annotated[Repeat | None, repeat_key()],
    groups: Groups,
) -> Response:
    """Make a group without members."""
    view = await groups.create(actor, name=content.name, description=content.description, repeat=repeat)
    location = place(request, "groups", view.id)
    return changed(group_out(view), tag_of(view), status=201, location=location, repeat=repeat)


@router.get("/{group_id}", response_model=GroupOut, responses={200: shown(GROUP, "ETag")})
async def get_group(request: Request, actor: Reader, group_id: IdInPath, groups: Groups) -> Response:
    """One group, with the number of its members."""
    view = await groups.get(actor, group_id)
    return resource(request, group_out(view), tag_of(view))


@router.patch("/{group_id}", response_model=GroupOut, responses={200: shown(GROUP, "ETag"), **problems(GroupNameTaken)})
async def change_group(
    actor: Writer,
    group_id: IdInPath,
    patch: Annotated[Patch[GroupContent], Depends(MergePatch(GroupContent, {"description": "New."}))],
    precondition: IfMatch,
    groups: Groups,
) -> Response:
    """Change name or description."""

    async def change(seen: GroupView, expected: int) -> GroupView:
        content = patch.onto({"name": seen.name, "description": seen.description})
        return await groups.change(
            actor, group_id, name=content.name, description=content.description, expected=expected
        )

    view = await precondition.hold(lambda: groups.get(_seeing(actor), group_id), change, tag_of)
    return changed(group_out(view), tag_of(view))


@router.delete("/{group_id}", status_code=204)
async def delete_group(actor: SilentWriter, group_id: IdInPath, precondition: IfMatch, groups: Groups) -> Response:
    """Remove a group. What was granted to it is granted to nobody from then on."""
    await precondition.hold(
        lambda: groups.get(_seeing(actor), group_id),
        lambda _, expected: groups.delete(actor, group_id, expected=expected),
        tag_of,
    )
    return no_content()


@router.get("/{group_id}/members", response_model=UsersOut, responses={200: page_of(USER)})
async def list_group_members(
    request: Request,
    actor: Reader,
    group_id: IdInPath,
    query: Annotated[ListQuery, listing(UserParameters, "created_at", "name", "email")],
    groups: Groups,
) -> Response:
    """Who is in a group; this needs users:read too."""
    page = await groups.members(actor, group_id, query)
    return await page_response(request, query, page, [user_out(view) for view in page.items])


@router.put("/{group_id}/members/{user_id}", response_model=GroupOut, responses={200: shown(GROUP, "ETag")})
async def add_group_member(actor: Writer, group_id: IdInPath, user_id: IdInPath, groups: Groups) -> Response:
    """Take a user into a group; nothing happens for a member. It counts on every replica within a second."""
    view = await groups.add_member(actor, group_id, user_id)
    return changed(group_out(view), tag_of(view))


@router.delete("/{group_id}/members/{user_id}", status_code=204)
async def remove_group_member(actor: SilentWriter, group_id: IdInPath, user_id: IdInPath, groups: Groups) -> Response:
    """Let a user go from a group; nothing happens for somebody who is no member."""
    await groups.remove_member(actor, group_id, user_id)
    return no_content()


def _seeing(actor: Actor) -> Actor:
    return also(actor, Permission.GROUPS_READ)
