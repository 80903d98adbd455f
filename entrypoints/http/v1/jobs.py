"""Jobs: long work, watched, stopped and tried again."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.operations.jobs import JobService
from application.shared.unit_of_work import Repeat
from domain.operations.jobs import FINAL
from domain.shared.actor import Actor, Permission
from domain.shared.errors import WrongState
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, Nothing
from entrypoints.http.conditional import tag_of
from entrypoints.http.documented import problems
from entrypoints.http.lists import listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import needs
from entrypoints.http.streams import MEDIA_TYPE, Event, LastEventId, followed, stream_of
from entrypoints.http.v1.schemas.jobs import EVENT, JOB, JobOut, JobParameters, JobsOut, job_out
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/jobs", tags=["Jobs"])

Jobs = Annotated[JobService, provided("operations.jobs")]
Watcher = Annotated[Actor, needs(Permission.JOBS)]
RepeatKey = Annotated[Repeat | None, repeat_key()]
Empty = Annotated[Nothing, Depends(JsonBody(Nothing, {}, optional=True))]
IS_OVER: Final = WrongState("job_is_over", "This job has ended already.")
NOT_FAILED: Final = WrongState("job_not_failed", "Only a failed or cancelled job can be tried again.")


@router.get("", response_model=JobsOut, responses={200: page_of(JOB)})
async def list_jobs(
    request: Request, actor: Watcher, query: Annotated[ListQuery, listing(JobParameters, "created_at")], jobs: Jobs
) -> Response:
    """One's own jobs; administrators see all of them."""
    page = await jobs.page(actor, query)
    return await page_response(request, query, page, [job_out(view) for view in page.items])


@router.get("/{job_id}", response_model=JobOut, responses={200: shown(JOB, "ETag")})
async def get_job(request: Request, actor: Watcher, job_id: IdInPath, jobs: Jobs) -> Response:
    """One job. Its progress is counted, and never moves the ETag."""
    view = await jobs.get(actor, job_id)
    return resource(request, job_out(view), tag_of(view))


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={200: {"content": stream_of({"job": {"$ref": "#/components/schemas/JobOut"}}, EVENT)}},
)
async def follow_job(
    request: Request,
    actor: Annotated[Actor, needs(Permission.JOBS, MEDIA_TYPE)],
    job_id: IdInPath,
    _: Annotated[None, Depends(LastEventId())],
    jobs: Jobs,
    health: Annotated[Any, provided("operations.health")],
) -> Response:
    """The states of a job as server-sent events `job`, until it ends. Reconnect with Last-Event-ID to go on."""

    async def look(caller: Actor) -> Event:
        view = await jobs.get(caller, job_id)
        return Event(f"{view.version}.{view.done}", "job", job_out(view), last=view.status in FINAL)

    return await followed(request, actor, look, lambda: health.finishing)


@router.post("/{job_id}/cancel", response_model=JobOut, responses={200: shown(JOB, "ETag"), **problems(IS_OVER)})
async def cancel_job(actor: Watcher, job_id: IdInPath, _: Empty, repeat: RepeatKey, jobs: Jobs) -> Response:
    """Stop a job that has not ended."""
    view = await jobs.cancel(actor, job_id, repeat=repeat)
    return changed(job_out(view), tag_of(view), repeat=repeat)


@router.post("/{job_id}/retry", response_model=JobOut, responses={200: shown(JOB, "ETag"), **problems(NOT_FAILED)})
async def retry_job(actor: Watcher, job_id: IdInPath, _: Empty, repeat: RepeatKey, jobs: Jobs) -> Response:
    """Queue a failed or cancelled job again."""
    view = await jobs.retry(actor, job_id, repeat=repeat)
    return changed(job_out(view), tag_of(view), repeat=repeat)
