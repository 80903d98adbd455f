"""The end of an endpoint is told in every answer, in the OpenAPI document and on a page; on routes made for this."""

from datetime import date
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from domain.shared.actor import Actor
from domain.shared.errors import Conflict
from entrypoints.http.app import create_app
from entrypoints.http.bodies import Input, JsonBody
from entrypoints.http.deprecation import Deprecation, deprecated
from entrypoints.http.openapi import operations
from entrypoints.http.queries import Parameters, Queries
from entrypoints.http.representations import json_response
from entrypoints.http.security import signed_in
from tests.http.service import Service, memory_settings, quick_container
from tests.http.test_pages import HTML
from tests.http.test_problems import assert_problem

SINCE, SUNSET = date(2026, 2, 1), date(2027, 2, 1)
MARKED = {"deprecated": True}
router = APIRouter(tags=["Operations"])
Ending = Annotated[None, deprecated(SINCE, SUNSET, "Use GET /api/v1/new instead.")]


class Parts(Parameters):
    old: Annotated[str, Field(json_schema_extra=MARKED)] = ""


class Whole(Input):
    old: str | None = Field(default=None, json_schema_extra=MARKED)


@router.get("/api/v1/old")
async def show_old(_: Annotated[Actor, signed_in()], __: Ending) -> Response:
    """Show it."""
    return json_response({}, headers={"Link": '</next>; rel="next"'})


@router.get("/api/v1/refused")
async def show_refused(_: Annotated[Actor, signed_in()], __: Ending) -> Response:
    """Refuse it."""
    raise Conflict


@router.post("/api/v1/parts")
async def take_parts(
    _: Annotated[Actor, signed_in()],
    query: Annotated[Parts, Depends(Queries(Parts))],
    body: Annotated[Whole, Depends(JsonBody(Whole, {}))],
) -> Response:
    """Take it."""
    return json_response({})


@pytest.fixture
def ending(service: Service) -> Service:
    service.app.router.routes.extend(router.routes)
    return service


async def test_every_answer_says_since_when_until_when_and_where_to_read_on(ending: Service) -> None:
    person = await ending.person("viewer")
    for path, status in (("/old", 200), ("/refused", 409)):
        answer = await person.get(path)
        assert answer.status_code == status
        assert answer.headers["deprecation"] == "@1769904000"
        assert answer.headers["sunset"] == "Mon, 01 Feb 2027 00:00:00 GMT"
        links = answer.headers.get_list("link")
        assert (
            '</evolution>; rel="deprecation"; type="text/html", </evolution>; rel="sunset"; type="text/html"' in links
        )
    assert '</next>; rel="next"' in (await person.get("/old")).headers.get_list("link")
    assert "deprecation" not in (await person.get("/me")).headers
    assert_problem(await ending.anonymous.get("/old"), 401, "unauthenticated")


async def test_the_link_leads_to_the_policy(service: Service) -> None:
    page = await service.client.get("/evolution", headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for part in ("<h2>What stays within version 1</h2>", "<h2>What is announced now</h2>", "<code>Sunset</code>"):
        assert part in page.text


def documented() -> dict[str, Any]:
    app = create_app(quick_container(memory_settings()))
    app.router.routes.extend(router.routes)
    return app.openapi()


def test_the_document_marks_what_is_to_end() -> None:
    document = documented()
    operation = document["paths"]["/api/v1/old"]["get"]
    assert (operation["deprecated"], operation["x-sunset"]) == (True, "2027-02-01")
    assert operation["description"] == (
        "Show it.\n\nDeprecated since 2026-02-01, and may be gone from 2027-02-01 on. Use GET /api/v1/new instead."
    )
    assert {"Deprecation", "Sunset"} <= operation["responses"]["200"]["headers"].keys()
    assert document["components"]["schemas"]["Whole"]["properties"]["old"]["deprecated"] is True
    (parameter,) = document["paths"]["/api/v1/parts"]["post"]["parameters"]
    assert parameter["schema"]["deprecated"] is True


def test_nothing_that_is_there_today_is_to_end() -> None:
    app = create_app(quick_container(memory_settings()))
    assert not any("deprecated" in operation for _, operation in operations(app, app.openapi()))


def test_an_end_is_announced_in_time() -> None:
    with pytest.raises(ValueError, match="365 days"):
        Deprecation(date(2026, 2, 1), date(2027, 1, 31), "Use something else.")
