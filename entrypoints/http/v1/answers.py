"""Answers with proof."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from application.knowledge.answering import AnswerService
from application.shared.unit_of_work import Repeat
from domain.shared.actor import Actor, Permission
from entrypoints.http.bodies import JsonBody
from entrypoints.http.documented import problems
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, content_tag, place, resource
from entrypoints.http.security import needs
from entrypoints.http.v1.schemas.search import ANSWER, QUESTION, AnswerOut, QuestionIn, answer_out
from entrypoints.http.v1.schemas.values import IdInPath, shown
from entrypoints.http.v1.search import FILTER_INVALID

router = APIRouter(prefix="/api/v1/answers", tags=["Answers"])

Answers = Annotated[AnswerService, provided("knowledge.answers")]
Asker = Annotated[Actor, needs(Permission.ANSWERS)]


@router.post(
    "",
    response_model=AnswerOut,
    responses={200: shown(ANSWER, "Location", "ETag"), **problems(FILTER_INVALID)},
)
async def ask(
    request: Request,
    actor: Asker,
    content: Annotated[QuestionIn, Depends(JsonBody(QuestionIn, QUESTION))],
    repeat: Annotated[Repeat | None, repeat_key()],
    answers: Answers,
) -> Response:
    """Answer a question from what the caller may read.

    Every quote is a verbatim part of the cited chunk. Without a language model the answer is made of quotes; with too
    little evidence there is none, and `mode` says so.
    """
    view = await answers.ask(
        actor,
        question=content.question,
        collection_ids=content.collection_ids,
        filter=content.filter,
        limit=content.limit,
        repeat=repeat,
    )
    shown_answer = answer_out(view)
    location = place(request, "answers", view.id)
    return changed(shown_answer, content_tag(shown_answer), location=location, repeat=repeat)


@router.get("/{answer_id}", response_model=AnswerOut, responses={200: shown(ANSWER, "ETag")})
async def get_answer(request: Request, actor: Asker, answer_id: IdInPath, answers: Answers) -> Response:
    """A kept answer. Quotes of documents that are gone or no longer readable are removed from it."""
    shown_answer = answer_out(await answers.get(actor, answer_id))
    return resource(request, shown_answer, content_tag(shown_answer))
