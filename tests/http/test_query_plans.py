"""No list and no look-up of the API reads a table through: its statements are explained on large tables."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from adapters.persistence.sqlalchemy.tables.base import metadata
from domain.identity.roles import EDITOR
from tests import many_rows, postgres
from tests.http.operations import Described, described
from tests.http.service import BASE, Caller, Service, a_service, postgres_settings
from tests.http.things import belongings, open_to_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROWS = 100_000
LOOKED_AT_MAX = 5_000
"""Rows that one statement may look at: a page of them, the members of a large group, what filters pass over."""
ABSENT = "absent"
SAMPLES = {
    "email": ["x1000001@example.net", ABSENT],
    "role": ["viewer", "editor", ABSENT],
    "user_id": ["{user_id}"],
    "member": ["{user_id}", "00000000-0000-0000-0000-0000000f4241"],
    "external_id": ["x1000002", ABSENT],
    "media_type": ["text/plain", "application/pdf", ABSENT],
    "content_hash": ["x1000002", ABSENT],
    "name": ["x1000001", ABSENT],
    "kind": ["ingest", "erase", ABSENT],
    "subject_id": ["00000000-0000-0000-0000-0000000f4241", "{document_id}"],
    "actor": ["{user_id}", "x1000001", ABSENT],
    "action": ["document.add", "user.create", ABSENT],
    "target_type": ["document", "user", ABSENT],
    "target_id": ["x1000001", "{document_id}"],
    "from": ["2026-01-13T00:00:00Z", "2030-01-01T00:00:00Z"],
    "to": ["2026-01-13T00:00:00Z", "2020-01-01T00:00:00Z"],
    "q": ["x100000", ABSENT],
}
"""Values of the filters that have no list of their own in the document: common, rare and absent ones."""
ANYWHERE = "lower("
"""Filters by a part of a name look at all names, once: no index of every database finds what stands in the middle."""
LARGE = {table.name for table in metadata.sorted_tables if table not in many_rows.FEW_ROWS}
PREPARATION = "preparation"
Args = tuple[Any, ...]


@dataclass
class Recorder:
    """The statements that reach the server, with the values of their parameters and the request that caused them."""

    doing: str = PREPARATION
    seen: dict[tuple[str, str], tuple[str, str, Args]] = field(default_factory=dict)

    def note(self, sql: str, values: Args) -> None:
        self.seen.setdefault((sql, repr(values)), (self.doing, sql, values))

    def _by_sqlalchemy(self, _conn: Any, _cursor: Any, sql: str, values: Any, _context: Any, many: bool) -> None:
        if not many and sql.startswith(("SELECT", "UPDATE", "DELETE")):
            self.note(sql, tuple(values))

    def _on_driver(self, connection: Any, _record: object) -> None:
        if isinstance(connection.driver_connection, asyncpg.Connection):
            connection.driver_connection.add_query_logger(self._by_driver)

    def _by_driver(self, query: asyncpg.connection.LoggedQuery) -> None:
        if query.args and query.query.startswith("SELECT"):
            self.note(query.query, query.args)

    @contextmanager
    def listening(self) -> Iterator["Recorder"]:
        event.listen(Engine, "before_cursor_execute", self._by_sqlalchemy)
        event.listen(Pool, "connect", self._on_driver)
        try:
            yield self
        finally:
            event.remove(Engine, "before_cursor_execute", self._by_sqlalchemy)
            event.remove(Pool, "connect", self._on_driver)


@dataclass
class Large:
    """A service whose tables are large, and what was asked of its database."""

    service: Service
    callers: list[Caller]
    ids: dict[str, str]
    recorder: Recorder
    url: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def large(postgres_base: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Large]:
    with postgres.cloned_database(postgres_base) as url, Recorder().listening() as recorder:
        async with a_service(postgres_settings(url, tmp_path_factory.mktemp("large"))) as service:
            admin, owner = await service.person("admin"), await service.person("editor")
            ids = await belongings(service, owner) | await open_to_all(service, admin)
            ids["user_id"] = owner.id
            owners = {"users": owner.id, "collections": ids["collection_id"]}
            owners |= {"documents": ids["document_id"], "user_groups": ids["group_id"]}
            connection = await asyncpg.connect(url)
            await many_rows.fill(connection, ROWS, {table: UUID(owner) for table, owner in owners.items()})
            await connection.close()
            reader = await service.key_of(owner, *sorted(EDITOR.permissions))
            yield Large(service, [admin, owner, reader], ids, recorder, url)


async def test_no_get_looks_at_more_rows_than_it_needs(large: Large) -> None:
    large.recorder.seen.clear()
    await ask_for_everything(large)
    assert len(large.recorder.seen) > 250
    faults = await faults_of(large)
    assert not faults, f"{len(faults)} statements\n" + "\n".join(faults)


async def test_no_change_looks_at_more_rows_than_it_needs(large: Large) -> None:
    large.recorder.seen.clear()
    for caller, method, path, content in changes(large):
        large.recorder.doing = f"{method} {path}"
        answer = await caller(method, path, content, headers={"If-Match": "*"} if method != "POST" else {})
        assert answer.status_code < 300, (method, path, answer.text)
    large.recorder.doing = "POST /auth/token"
    await large.service.signed_in(large.callers[1].email)
    faults = await faults_of(large)
    assert not faults, f"{len(faults)} statements\n" + "\n".join(faults)


def changes(large: Large) -> Iterator[tuple[Caller, str, str, Any]]:
    """Changes of what is there a hundred thousand times, by those who have much of it."""
    admin, owner, _ = large.callers
    ids, some = large.ids, UUID(int=many_rows.FIRST + 1)
    yield admin, "POST", "/users", {"name": "New", "email": "new@example.com", "roles": ["viewer"]}
    yield admin, "PUT", f"/groups/{ids['group_id']}/members/{some}", None
    yield admin, "POST", f"/users/{some}/disable", None
    yield admin, "DELETE", f"/users/{some}", None
    yield admin, "POST", "/groups", {"name": "New"}
    yield admin, "POST", "/roles", {"name": "new", "permissions": []}
    yield owner, "POST", "/api-keys", {"name": "new", "scopes": []}
    for content in ({"text": "Once."}, {"text": "Twice.", "external_id": "new"}):
        yield owner, "POST", f"/collections/{ids['collection_id']}/documents", content


async def ask_for_everything(large: Large) -> None:
    components = large.service.app.openapi()["components"]["schemas"]
    for operation in described(large.service.app):
        if operation.method != "GET" or "303" in operation.document["responses"]:
            continue
        path = operation.template.format(**large.ids)
        for caller in large.callers:
            for query in queries(operation, large.ids, components, in_pairs=caller is large.callers[0]):
                large.recorder.doing = f"GET {path}?{query}"
                answer = await caller.get(f"{BASE}{path}?{query}")
                assert answer.status_code in {200, 403, 404, 422} or not is_list(operation), (path, query, answer.text)
                following = answer.links.get("next", {}).get("url", "")
                if following:
                    assert (await caller.get(following)).status_code == 200


def queries(operation: Described, ids: dict[str, str], components: dict[str, Any], *, in_pairs: bool) -> Iterator[str]:
    """Every order; every filter in every order, ascending; every two filters."""
    sorts, filters = [""], {}
    for parameter in operation.document.get("parameters", []):
        name, schema = parameter["name"], parameter["schema"]
        if name == "sort":
            sorts = [f"sort={value}" for value in schema["enum"]]
        elif parameter["in"] == "query" and name not in {"limit", "cursor"} and (name in SAMPLES or is_list(operation)):
            filters[name] = [f"{name}={value.format(**ids)}" for value in values_of(name, schema, components)]
    yield from sorts
    for sort in (sort for sort in sorts if "=-" not in sort):
        for values in filters.values():
            yield from (f"{sort}&{value}" for value in values)
    for some, others in combinations(filters.values() if in_pairs else (), 2):
        yield from (f"{one}&{other}" for one in some for other in others)


def is_list(operation: Described) -> bool:
    return any(parameter["name"] == "limit" for parameter in operation.document.get("parameters", []))


def values_of(name: str, schema: dict[str, Any], components: dict[str, Any]) -> list[str]:
    """Of an enumeration all; a new filter of another kind is to be given samples above."""
    named = components.get(schema.get("$ref", "").rpartition("/")[2], schema)
    return list(named.get("enum") or SAMPLES[name])


async def faults_of(large: Large) -> list[str]:
    """What is wrong with plans, each with the request that came to it."""
    connection, faults = await asyncpg.connect(large.url), []
    try:
        for doing, sql, values in large.recorder.seen.values():
            if doing == PREPARATION:
                continue
            plan = await explained(connection, sql, values)
            looked_at, through = rows_looked_at(plan), read_through(plan)
            once = ROWS * 1.05 if ANYWHERE in sql else 0
            if looked_at > LOOKED_AT_MAX + once or (through and not once):
                faults.append(f"{doing}: {looked_at:.0f} rows, reads through {through}\n  {sql}\n  {values}")
    finally:
        await connection.close()
    return faults


async def explained(connection: asyncpg.Connection, sql: str, values: Args) -> dict[str, Any]:
    """The plan as it was carried out, and undone."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *values)
    finally:
        await transaction.rollback()
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def rows_looked_at(plan: dict[str, Any]) -> float:
    """All rows that scans have met, those among them that a filter took away."""
    met = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    scans = [node for node in nodes(plan) if "Relation Name" in node or "Index Name" in node]
    return sum(node["Actual Loops"] * sum(node.get(name, 0) for name in met) for node in scans)


def read_through(plan: dict[str, Any]) -> list[str]:
    """Large tables that are read without an index."""
    scans = [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    return [name for name in scans if name in LARGE]
