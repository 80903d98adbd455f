"""Lists, on every store: filters agree, and everything starts from what is readable. Pages: `test_list_pages.py`."""

import pytest

from domain.identity.groups import Group
from domain.identity.users import User
from domain.knowledge.collections import Collection, Grant, Level, SubjectType
from domain.knowledge.documents import Content, Document
from domain.operations.jobs import Job
from domain.shared.actor import Actor, ActorType, system_actor
from domain.shared.errors import Invalid, Malformed
from domain.shared.values import Cursor, ListQuery, Sort, new_id
from tests.factories import UserFactory
from tests.stores import Store


def users(store: Store, count: int) -> list[User]:
    made = []
    for n in range(count):
        roles = frozenset({"editor"}) if n % 2 else frozenset({"viewer"})
        made.append(User.register(name=f"N{n % 3}", email=f"u{n}@example.com", roles=roles, at=store.clock.now()))
    return made


@pytest.mark.parametrize(
    ("filters", "emails"),
    [
        ({"email": "u3@example.com"}, {"u3"}),
        ({"role": "editor"}, {"u1", "u3"}),
        ({"role": "editor", "q": "U1@"}, {"u1"}),
        ({"q": "%"}, set()),
        ({"status": "disabled"}, set()),
        ({"q": "n2"}, {"u2"}),
    ],
)
async def test_filters_narrow(store: Store, filters: dict[str, str], emails: set[str]) -> None:
    await store.given(*users(store, 5))
    page = await store.lists.users(ListQuery(filters=filters))
    assert {user.email.split("@")[0] for user in page.items} == emails


ODD_NAMES = [
    "Ärger", "ärger", "100%", "a_b", "axb", "c:\\d", "x/y", "İ", "ß", "SS", "\u00c9", "E\u0301", "😀 yes", "'",
]  # fmt: skip
PARTS = {
    "Ä": {"Ärger"},
    "ä": {"ärger"},
    "RGE": {"Ärger", "ärger"},
    "%": {"100%"},
    "_": {"a_b"},
    "a_B": {"a_b"},
    "\\": {"c:\\d"},
    "/": {"x/y"},
    "//": set(),
    "i": set(),
    "ss": {"SS"},
    "\u00c9": {"\u00c9"},
    "e": {"Ärger", "ärger", "E\u0301", "😀 yes"},
    "😀 Y": {"😀 yes"},
    "'": {"'"},
    "' OR '1'='1": set(),
    "": set(ODD_NAMES),
}


async def test_texts_are_compared_literally_and_only_ascii_letters_lose_their_case(store: Store) -> None:
    at, me = store.clock.now(), new_id()
    made = [Collection.create(name=n, description="x", metadata={}, manager_id=me, at=at) for n in ODD_NAMES]
    await store.given(*made)

    async def found(**filters: str) -> set[str]:
        page = await store.reads.collections(Actor(type=ActorType.USER, user_id=me), ListQuery(filters=filters))
        return {view.name for view in page.items}

    for part, names in PARTS.items():
        assert await found(q=part) == names, part
    for name in (*ODD_NAMES, "E", "ss", "ärgeR", "A_B", "100_", "SS "):
        assert await found(name=name) == {name} & set(ODD_NAMES), name


async def test_what_a_list_does_not_know_is_refused(store: Store) -> None:
    await store.given(*users(store, 2))
    with pytest.raises(Invalid):
        await store.lists.users(ListQuery(sort=Sort("status")))
    with pytest.raises(Invalid):
        await store.lists.users(ListQuery(filters={"password": "x"}))
    with pytest.raises(Malformed):
        await store.lists.users(ListQuery(cursor=Cursor("no time", str(new_id()))))
    with pytest.raises(Malformed):
        await store.lists.users(ListQuery(cursor=Cursor("2026-01-01T00:00:00Z", "no id")))


async def test_collections_are_seen_by_whom_they_are_granted_to(store: Store) -> None:
    me, other, group = new_id(), new_id(), new_id()
    at = store.clock.now()
    mine, theirs, all_of_us, of_group = (
        Collection.create(name=name, description="", metadata={}, manager_id=manager, at=at)
        for name, manager in (("mine", me), ("theirs", other), ("all", other), ("group", other))
    )
    all_of_us.set_grants(all_of_us.grants | {Grant(SubjectType.EVERYONE, None, Level.READ)}, at)
    of_group.set_grants(of_group.grants | {Grant(SubjectType.GROUP, group, Level.READ)}, at)
    await store.given(mine, theirs, all_of_us, of_group)
    member = Actor(type=ActorType.USER, user_id=me, group_ids=frozenset({group}))
    for actor, names in (
        (member, {"mine", "all", "group"}),
        (Actor(type=ActorType.USER, user_id=me), {"mine", "all"}),
        (Actor(type=ActorType.USER, user_id=new_id()), {"all"}),
        (Actor(type=ActorType.ANONYMOUS), set()),
    ):
        page = await store.reads.collections(actor, ListQuery())
        assert {view.name for view in page.items} == names
        assert await store.reads.readable(actor) == {view.id for view in page.items}
    assert await store.reads.readable(system_actor("test")) is None
    assert len((await store.reads.collections(system_actor("test"), ListQuery())).items) == 4
    assert [view.id for view in await store.reads.collections_named(member, "mine")] == [mine.id]
    assert await store.reads.collections_named(member, "theirs") == []


async def test_documents_are_filtered_by_what_they_are(store: Store) -> None:
    collection, at = new_id(), store.clock.now()

    def made(external_id: str | None, media_type: str, content_hash: str) -> Document:
        content = Content(blob_key=content_hash, content_hash=content_hash, bytes=1, media_type=media_type)
        return Document.submit(
            collection_id=collection, title="", content=content, external_id=external_id, metadata={}, at=at
        )

    one, two = made("x", "text/plain", "a" * 64), made(None, "text/html", "b" * 64)
    two.fail(code="extraction_failed", detail="", at=at)
    await store.given(one, two)
    for filters, found in (
        ({"external_id": "x"}, [one]),
        ({"external_id": "X"}, []),
        ({"status": "queued"}, [one]),
        ({"status": "failed", "media_type": "text/html"}, [two]),
        ({"status": "failed", "media_type": "text/plain"}, []),
        ({"content_hash": "b" * 64}, [two]),
    ):
        page = await store.reads.documents(collection, ListQuery(filters=filters))
        assert [view.id for view in page.items] == [document.id for document in found], filters


async def test_jobs_are_filtered_by_state_kind_and_subject(store: Store) -> None:
    at, subject = store.clock.now(), new_id()
    one = Job.queue(kind="ingest", subject_id=subject, owner_id=None, at=at)
    two = Job.queue(kind="export", subject_id=new_id(), owner_id=None, at=at)
    two.cancel(at)
    await store.given(one, two)
    for filters, found in (
        ({"status": "queued"}, {one.id}),
        ({"status": "cancelled", "kind": "export"}, {two.id}),
        ({"kind": "ingest", "subject_id": two.subject_id}, set()),
        ({"subject_id": subject}, {one.id}),
    ):
        page = await store.job_lists.jobs(system_actor("test"), ListQuery(filters=filters))
        assert {view.id for view in page.items} == found, filters


async def test_the_trail_is_filtered_by_who_what_and_when(store: Store) -> None:
    me = Actor(type=ActorType.USER, id=str(new_id()))
    user = UserFactory()
    await store.given(user)
    async with store.operation("user.rename", actor=me) as uow:
        (await uow.users.get(user.id)).rename("Eve", store.clock.now())
        await uow.commit(None)
    (earlier, later) = (await store.audit.events(ListQuery(sort=Sort("at", False)))).items
    for filters, found in (
        ({"actor": me.id}, [later]),
        ({"actor": "nobody"}, []),
        ({"action": "given"}, [earlier]),
        ({"action": "user."}, []),
        ({"target_type": "user", "target_id": str(user.id)}, [earlier, later]),
        ({"target_type": "User"}, []),
        ({"from": later.at}, [later]),
        ({"to": later.at}, [earlier]),
        ({"from": earlier.at, "to": later.at, "action": "user.rename"}, []),
    ):
        page = await store.audit.events(ListQuery(sort=Sort("at", False), filters=filters))
        assert [event.id for event in page.items] == [event.id for event in found], filters


async def test_groups_are_filtered_by_name_and_member(store: Store) -> None:
    at, user = store.clock.now(), UserFactory()
    one, two = (Group.create(name=name, description="", at=at) for name in ("Research", "search"))
    one.add_member(user.id, at)
    await store.given(user)
    await store.given(one, two)
    for filters, found in (
        ({"name": "Research"}, {one.id}),
        ({"name": "research"}, set()),
        ({"q": "SEARCH"}, {one.id, two.id}),
        ({"member": user.id}, {one.id}),
        ({"member": new_id()}, set()),
    ):
        page = await store.lists.groups(ListQuery(filters=filters))
        assert {view.id for view in page.items} == found, filters
