"""Answers with proof, whole or as a stream."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request
from starlette.responses import Response

from application.knowledge.answering import AnswerService, Begun
from application.knowledge.views import AnswerView
from application.shared.unit_of_work import Repeat
from domain.knowledge.answers import Source
from domain.shared.actor import Actor, Permission
from entrypoints.http.bodies import JsonBody
from entrypoints.http.content import JSON
from entrypoints.http.documented import add_fields, problems
from entrypoints.http.limits import ANSWER as ANSWERING
from entrypoints.http.negotiation import chosen
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, content_tag, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import actor_of, needs
from entrypoints.http.streams import (
    MEDIA_TYPE,
    End,
    Event,
    LastEventId,
    WorkedOff,
    nothing_more,
    replayed,
    stream_of,
    worked,
)
from entrypoints.http.v1.schemas.answers import (
    ANSWER,
    EVENT_SCHEMAS,
    EVENTS,
    QUESTION,
    AnswerOut,
    QuestionIn,
    answer_events,
    answer_out,
    begun_event,
)
from entrypoints.http.v1.schemas.values import IdInPath, shown
from entrypoints.http.v1.search import COLLECTION_NOT_FOUND, FILTER_INVALID

router = Router("/api/v1/answers", tags=["Answers"])

Answers = Annotated[AnswerService, provided("knowledge.answers")]
Asker = Annotated[Actor, needs(Permission.ANSWERS)]
STREAM: Final = stream_of(EVENT_SCHEMAS, EVENTS)
BOTH: Final = shown(ANSWER, "Location")
BOTH["content"] |= STREAM
add_fields(BOTH, "ETag", always=False)


@router.post("", response_model=AnswerOut, responses={200: BOTH, **problems(FILTER_INVALID, COLLECTION_NOT_FOUND)})
async def ask(
    request: Request,
    actor: Annotated[Actor, needs(Permission.ANSWERS, JSON, MEDIA_TYPE, load=ANSWERING)],
    content: Annotated[QuestionIn, Depends(JsonBody(QuestionIn, QUESTION, form="stream"))],
    repeat: Annotated[Repeat | None, repeat_key()],
    _: Annotated[None, Depends(LastEventId())],
    answers: Answers,
    health: Annotated[Any, provided("operations.health")],
    settings: Annotated[Any, provided("settings")],
) -> Response:
    """Answer a question from what the caller may read.

    Every quote is a verbatim part of the cited chunk. Without a language model the answer is made of quotes; with too
    little evidence there is none, and `mode` says so.

    With `stream`, or where Accept likes it better than JSON, the answer comes as server-sent events: `search_results`
    as soon as something was sought, `delta` and `citation` once the whole text was checked, and `done` with the answer
    as JSON, or `error`. An answer is kept although the client hangs up: repeat the request with its Idempotency-Key.
    """

    async def answered(begun: Begun | None) -> AnswerView:
        return await answers.ask(
            actor,
            question=content.question,
            collection_ids=content.collection_ids,
            filter=content.filter,
            limit=content.limit,
            begun=begun,
            repeat=repeat,
        )

    wanted = None if content.stream is None else MEDIA_TYPE if content.stream else JSON
    if chosen(request, (JSON, MEDIA_TYPE), wanted) == MEDIA_TYPE:
        end = End(lambda: health.finishing, settings.server.stop_seconds)
        return await _streamed(request, answered, answers, repeat, end)
    view = await answered(None)
    shown_answer = answer_out(view)
    location = place(request, "answers", view.id)
    return changed(shown_answer, content_tag(shown_answer), location=location, repeat=repeat)


@router.get("/{answer_id}", response_model=AnswerOut, responses={200: shown(ANSWER, "ETag")})
async def get_answer(request: Request, actor: Asker, answer_id: IdInPath, answers: Answers) -> Response:
    """A kept answer. Quotes of documents that are gone or no longer readable are removed from it."""
    shown_answer = answer_out(await answers.get(actor, answer_id))
    return resource(request, shown_answer, content_tag(shown_answer))


@router.get("/{answer_id}/events", response_class=Response, responses={200: {"content": STREAM}})
async def replay_answer(
    request: Request,
    actor: Annotated[Actor, needs(Permission.ANSWERS, MEDIA_TYPE)],
    answer_id: IdInPath,
    _: Annotated[None, Depends(LastEventId())],
    answers: Answers,
) -> Response:
    """The stream of a kept answer again, from the event behind Last-Event-ID on.

    Where parts of the answer were withdrawn since, because their documents are gone or no longer readable, the whole
    stream is told anew without them; `search_results` begins an answer.
    """
    return replayed(request, answer_events(await answers.get(actor, answer_id)))


async def _streamed(
    request: Request,
    answered: Callable[[Begun], Awaitable[AnswerView]],
    answers: AnswerService,
    repeat: Repeat | None,
    end: End,
) -> Response:
    """The answer while it is written. What is told of it in the end is what the caller may see at that moment."""
    headers: dict[str, str] = {}

    def named(answer_id: UUID) -> None:
        headers["Location"] = place(request, "answers", answer_id)

    async def work(tell: Callable[[Event], None]) -> Sequence[Event]:
        def begun(answer_id: UUID, sources: Sequence[Source]) -> None:
            named(answer_id)
            tell(begun_event(answer_id, sources))

        view = await answered(begun)
        named(view.id)
        return answer_events(await answers.get(await actor_of(request), view.id))

    events = worked(request, Permission.ANSWERS, work, end)
    first = await anext(events, None)
    if first is None:
        return nothing_more()
    if repeat is not None and repeat.replayed:
        headers["Idempotency-Replayed"] = "true"
    return WorkedOff(first, events, headers)
