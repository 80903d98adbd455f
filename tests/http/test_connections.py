"""Connections to the database: one for each request at most, so that few of them serve many requests at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest_asyncio
from prometheus_client import REGISTRY

from tests.http.answer_writing import made_by, submitted
from tests.http.service import PASSWORD, Caller, Service, a_service, postgres_settings

CONNECTIONS = 2
ROUNDS = 6


@pytest_asyncio.fixture
async def service(postgres_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    settings = postgres_settings(postgres_url, tmp_path, database_pool_size=CONNECTIONS, database_pool_timeout=20)
    async with a_service(settings) as running:
        yield running


def of_all_kinds(editor: Caller, admin: Caller, service: Service, collection: str, n: int) -> list[Any]:
    """Ten requests that ask different things of the database."""
    made = {"name": f"key {n}", "scopes": ["search"]}
    text = {"text": f"Leave is {n} days a year.", "title": f"Text {n}"}
    return [
        editor.get("/me"),
        admin.get(f"/users/{editor.id}"),
        admin.get("/users"),
        editor.get(f"/collections/{collection}/documents"),
        admin.get("/audit-events"),
        editor.post("/search", {"query": "leave"}),
        editor.post("/api-keys", made, headers={"Idempotency-Key": f"key-{n}"}),
        editor.post(f"/collections/{collection}/documents", text, headers={"Idempotency-Key": f"text-{n}"}),
        admin.post("/users", {"name": f"New {n}", "email": f"new{n}@example.com"}),
        service.token(grant_type="password", username=editor.email, password=PASSWORD),
    ]


async def test_many_more_requests_than_connections_are_all_answered(service: Service) -> None:
    editor, admin = await service.person("editor"), await service.person("admin")
    collection = (await made_by(editor))["id"]
    await submitted(editor, collection, title="Leave")
    await service.ingest()
    asked = [one for n in range(ROUNDS) for one in of_all_kinds(editor, admin, service, collection, n)]
    answers: list[httpx2.Response] = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} <= {200, 201, 202}, [a.text for a in answers if a.is_error]


async def test_figures_of_the_pool_return_to_rest(service: Service) -> None:
    admin = await service.person("admin")
    await asyncio.gather(*(admin.get("/users") for _ in range(20)))

    def figure(name: str) -> float | None:
        return REGISTRY.get_sample_value(f"fastops_database_pool_{name}", {"role": "primary"})

    assert (figure("used_connections"), figure("waiting_calls")) == (0, 0)
    assert (figure("wait_seconds_count") or 0) >= 1
    assert (figure("size_connections") or 0) >= CONNECTIONS
    assert (figure("open_connections") or 0) >= 1
