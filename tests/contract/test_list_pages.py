"""Pages partition every list in every order, on every store, while rows come and go between them.

A schedule says what is there at first, how long a page is, and what happens before each further page. Names and times
are drawn from few, so that many rows share a sort key.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapters.persistence import listings
from application.knowledge.ports import NewChunk
from domain.identity.groups import Group
from domain.identity.sessions import SessionEnd
from domain.knowledge.collections import Collection
from domain.knowledge.documents import Content, Document
from domain.operations.jobs import Job
from domain.shared.actor import Actor, ActorType, system_actor
from domain.shared.values import ListQuery, Page, Sort, new_id
from tests.factories import BEGINNING, ApiKeyFactory, SessionFactory, UserFactory
from tests.stores import Store

NAMES = ["a", "B", "aa", "é", "É", "😀", "\uffff", "a b"]
numbers = count()


@dataclass
class Scene:
    """The rows of one example; `scope` keeps them apart from those of all others."""

    store: Store
    scope: UUID = field(default_factory=new_id)
    rows: dict[UUID, Any] = field(default_factory=dict)
    at: Any = BEGINNING

    @property
    def one_of_a_kind(self) -> str:
        return f"{next(numbers)}-{self.scope.hex}"


@dataclass(frozen=True)
class Listed:
    """One list: its description, how a row is made and taken away, and how a page is read."""

    listing: listings.Listing
    repository: str
    make: Callable[[Scene, str], Any]
    page: Callable[[Scene, ListQuery], Awaitable[Page[Any]]]
    filters: Callable[[Scene], dict[str, Any]] = lambda scene: {}
    end: Callable[[Any, Any], None] | None = None


def document(scene: Scene, _: str) -> Document:
    content = Content(blob_key=str(new_id()), content_hash=scene.one_of_a_kind, bytes=1, media_type="text/plain")
    return Document.submit(
        collection_id=scene.scope, title="t", content=content, external_id=None, metadata={}, at=scene.at
    )


def collection(scene: Scene, name: str) -> Collection:
    return Collection.create(name=name, description="", metadata={}, manager_id=scene.scope, at=scene.at)


def reader(scene: Scene) -> Actor:
    return Actor(type=ActorType.USER, user_id=scene.scope)


LISTS = {
    "users": Listed(
        listings.USERS,
        "users",
        lambda scene, name: UserFactory(
            name=name, email=f"{name}{scene.one_of_a_kind}@example.com", created_at=scene.at
        ),
        lambda scene, query: scene.store.lists.users(query),
        lambda scene: {"q": scene.scope.hex.upper()},
    ),
    "groups": Listed(
        listings.GROUPS,
        "groups",
        lambda scene, name: Group.create(name=f"{name} {scene.one_of_a_kind}", description="", at=scene.at),
        lambda scene, query: scene.store.lists.groups(query),
        lambda scene: {"q": scene.scope.hex},
    ),
    "api_keys": Listed(
        listings.API_KEYS,
        "api_keys",
        lambda scene, name: ApiKeyFactory(owner_id=scene.scope, name=name, created_at=scene.at),
        lambda scene, query: scene.store.lists.api_keys(scene.scope, query),
    ),
    "sessions": Listed(
        listings.SESSIONS,
        "sessions",
        lambda scene, _: SessionFactory(user_id=scene.scope, created_at=scene.at),
        lambda scene, query: scene.store.lists.sessions(scene.scope, query),
        end=lambda session, at: session.end(SessionEnd.SIGNED_OUT, at),
    ),
    "collections": Listed(
        listings.COLLECTIONS,
        "collections",
        collection,
        lambda scene, query: scene.store.reads.collections(reader(scene), query),
    ),
    "documents": Listed(
        listings.DOCUMENTS,
        "documents",
        document,
        lambda scene, query: scene.store.reads.documents(scene.scope, query),
    ),
    "jobs": Listed(
        listings.JOBS,
        "job_rows",
        lambda scene, _: Job.queue(kind="ingest", subject_id=scene.scope, owner_id=None, at=scene.at),
        lambda scene, query: scene.store.job_lists.jobs(system_actor("test"), query),
        lambda scene: {"subject_id": scene.scope},
    ),
}
EXAMPLES = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""Without shrinking: examples are small, and the store of a failing one grows with each attempt."""
additions = st.tuples(st.sampled_from(NAMES), st.booleans())
happenings = st.lists(additions | st.integers(0, 20), max_size=3)
schedules = st.tuples(st.lists(additions, max_size=7), st.integers(1, 4), st.lists(happenings, max_size=4))
Schedule = tuple[list[tuple[str, bool]], int, list[list[Any]]]


def orders(listing: listings.Listing) -> list[Sort]:
    return [Sort(key, descending) for key in sorted(listing.sorts) for descending in (False, True)]


async def add(scene: Scene, listed: Listed, rows: Sequence[tuple[str, bool]]) -> None:
    """Store these in one operation; where the flag is set, later than those before."""
    made = []
    for name, later in rows:
        scene.at += timedelta(microseconds=later)
        made.append(listed.make(scene, name))
    await scene.store.given(*made)
    scene.rows |= {row.id: row for row in made}


async def remove(scene: Scene, listed: Listed, id: UUID) -> None:
    async with scene.store.operation("remove") as uow:
        repository = getattr(uow, listed.repository)
        row = await repository.get(id)
        if listed.end is None:
            repository.remove(row)
        else:
            listed.end(row, scene.at)
        await uow.commit(None)


def place(listed: Listed, sort: Sort, row: Any) -> tuple[Any, UUID]:
    value = getattr(row, listed.listing.sorts[sort.key])
    return (value.encode() if isinstance(value, str) else value), row.id


async def play(scene: Scene, listed: Listed, sort: Sort, schedule: Schedule) -> None:
    beginning, limit, steps = schedule
    await add(scene, listed, beginning)
    kept = set(scene.rows)
    seen: list[UUID] = []
    query = ListQuery(limit, sort, None, listed.filters(scene))
    while True:
        page = await listed.page(scene, query)
        assert len(page.items) <= limit
        seen += [item.id for item in page.items]
        assert len(seen) == len(set(seen))
        if page.next is None:
            break
        query = ListQuery(limit, sort, page.next, query.filters)
        for happening in steps.pop(0) if steps else []:
            if isinstance(happening, tuple):
                await add(scene, listed, [happening])
            elif kept:
                gone = sorted(kept)[happening % len(kept)]
                kept.discard(gone)
                await remove(scene, listed, gone)
    places = [place(listed, sort, scene.rows[identifier]) for identifier in seen]
    assert places == sorted(places, reverse=sort.descending)
    assert kept <= set(seen)


@pytest.mark.parametrize("name", LISTS)
@EXAMPLES
@given(schedule=schedules)
async def test_what_was_there_comes_once_and_in_order(store: Store, name: str, schedule: Schedule) -> None:
    for sort in orders(LISTS[name].listing):
        scene = Scene(store)
        if name in {"api_keys", "sessions"}:
            await store.given(UserFactory(id=scene.scope))
        await play(scene, LISTS[name], sort, schedule)


@EXAMPLES
@given(batches=st.lists(st.integers(1, 3), max_size=4), limit=st.integers(1, 4), later=st.lists(st.integers(0, 2)))
async def test_entries_of_the_trail_come_once_and_in_order(
    store: Store, batches: list[int], limit: int, later: list[int]
) -> None:
    """Entries of one operation share their time. None ever goes."""
    for sort in orders(listings.AUDIT):
        operation = f"test.{new_id().hex}"
        for count_of_rows in batches:
            await change(store, operation, count_of_rows)
        before = {entry.id for entry in await store.entries() if entry.operation == operation}
        query, seen, additions_left = ListQuery(limit, sort, None, {"action": operation}), [], list(later)
        while True:
            page = await store.audit.events(query)
            seen += [(event.at, event.id) for event in page.items]
            assert len(seen) == len(set(seen))
            if page.next is None:
                break
            query = ListQuery(limit, sort, page.next, query.filters)
            await change(store, operation, additions_left.pop() if additions_left else 0)
        assert seen == sorted(seen, reverse=sort.descending)
        assert before <= {identifier for _, identifier in seen}


async def change(store: Store, operation: str, rows: int) -> None:
    if rows:
        async with store.operation(operation) as uow:
            for _ in range(rows):
                uow.users.add(UserFactory(email=f"{new_id().hex}@example.com"))
            await uow.commit(None)


@EXAMPLES
@given(total=st.integers(0, 9), limit=st.integers(1, 4), again=st.sets(st.integers(0, 9)))
async def test_chunks_come_once_and_in_order(store: Store, total: int, limit: int, again: set[int]) -> None:
    """A document that is ingested again meanwhile has other chunks in the same places; the list goes on with those."""
    for sort in orders(listings.CHUNKS):
        scene = Scene(store)
        made = document(scene, "")
        await store.given(made)
        await ingest(store, made.id, total)
        query, seen, pages = ListQuery(limit, sort), [], 0
        while True:
            page = await store.reads.chunks_of(made.id, query)
            seen += [chunk.ordinal for chunk in page.items]
            assert len(seen) <= total
            if page.next is None:
                break
            query, pages = ListQuery(limit, sort, page.next), pages + 1
            if pages in again:
                await ingest(store, made.id, total)
        assert seen == sorted(range(total), reverse=sort.descending)


async def ingest(store: Store, document_id: UUID, total: int) -> None:
    chunks = [
        NewChunk(id=new_id(), ordinal=n, text="", headings=(), page=None, start=n, end=n, vector=b"\0\0\0\0", terms=b"")
        for n in range(total)
    ]
    async with store.operation("ingest") as uow:
        uow.chunks.replace(await uow.documents.get(document_id), chunks, "1")
        await uow.commit(None)
