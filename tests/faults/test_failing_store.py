"""Main use cases while the store fails at each of their calls: whole or not at all, told honestly, done again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from dependency_injector.providers import Object

from adapters.persistence.repeats import LEASE as REPEAT_LEASE
from application.knowledge.intake import INGEST
from domain.operations.jobs import LEASE as CLAIM_LEASE
from domain.shared.errors import StorageFull, Unavailable
from entrypoints.wiring.container import Container
from tests.failing_database import FailingDatabase, Fault
from tests.fakes import ManualClock
from tests.http.service import PASSWORD, Caller, Service, a_service, postgres_settings, sqlite_settings
from tests.http.things import made
from tests.kept_rows import Changes, Rows, changes, check_journal, kept_rows

TEXT = "Everyone has thirty days of leave a year. Whoever is ill tells it before nine."
TOLD = {503: {"database_unavailable", "outcome_unknown"}, 507: {"storage_full"}}
CALLS_MAX = 60


@dataclass
class Scene:
    """A service whose database fails when it is told to, an administrator, and a collection with one document."""

    service: Service
    database: FailingDatabase
    clock: ManualClock
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    admin: Caller = field(init=False)
    collection: str = field(init=False)

    async def fill(self) -> None:
        self.admin = await self.service.person("admin")
        self.collection = (await made(self.admin, "/collections", {"name": "Rules"}))["id"]
        await self.document()
        await self.service.ingest()

    async def document(self) -> dict[str, Any]:
        content = {"text": f"{TEXT} This is rule {next(self.numbers)}."}
        return await made(self.admin, f"/collections/{self.collection}/documents", content)

    async def rows(self) -> Rows:
        return await kept_rows(self.database.real)

    async def stay_signed_in(self) -> None:
        """Sign in anew, because time may have been moved."""
        self.admin = await self.service.signed_in(self.admin.email, self.admin.id)


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    if request.param == "sqlite":
        settings = sqlite_settings(request.getfixturevalue("sqlite_file"))
    else:
        settings = postgres_settings(request.getfixturevalue("postgres_url"), tmp_path)
    put: list[FailingDatabase] = []

    def prepare(container: Container) -> None:
        put.append(FailingDatabase(container.persistence.database()))
        container.persistence.database.override(Object(put[0]))

    clock = ManualClock()
    async with a_service(settings, clock, prepare) as service:
        opened = Scene(service, put[0], clock)
        await opened.fill()
        yield opened


@dataclass
class Use:
    """One request that may be sent several times; only with a key is a second one the same."""

    send: Callable[[], Awaitable[httpx2.Response]]
    keyed: bool = False


Case = Callable[[Scene], Awaitable[Use]]


def asked(
    scene: Scene, method: str, path: str, json: Any = None, *, tag: str | None = None, keyed: bool = False
) -> Use:
    headers = {"If-Match": tag} if tag else {}
    if keyed:
        headers["Idempotency-Key"] = f"key-{next(scene.numbers)}"
    return Use(lambda: scene.admin(method, path, json, headers=headers), keyed)


async def sign_in(scene: Scene) -> Use:
    return Use(lambda: scene.service.token(grant_type="password", username=scene.admin.email, password=PASSWORD))


async def refresh(scene: Scene) -> Use:
    token = (await scene.service.signed_in(scene.admin.email)).refresh_token
    return Use(lambda: scene.service.token(grant_type="refresh_token", refresh_token=token))


async def create_user(scene: Scene) -> Use:
    email = f"user{next(scene.numbers)}@example.com"
    content = {"name": "Eve", "email": email, "password": PASSWORD, "roles": ["viewer"]}
    return asked(scene, "POST", "/users", content, keyed=True)


async def change_role(scene: Scene) -> Use:
    path = f"/users/{(await scene.service.person('viewer')).id}"
    tag = (await scene.admin.get(path)).headers["etag"]
    return asked(scene, "PATCH", path, {"roles": ["editor"]}, tag=tag)


async def create_collection(scene: Scene) -> Use:
    return asked(scene, "POST", "/collections", {"name": f"More {next(scene.numbers)}"}, keyed=True)


async def set_grants(scene: Scene) -> Use:
    path = f"/collections/{(await made(scene.admin, '/collections', {'name': 'Shared'}))['id']}/grants"
    tag = (await scene.admin.get(path)).headers["etag"]
    subjects = [{"type": "user", "id": scene.admin.id}, {"type": "everyone"}]
    grants = [{"subject": subject, "level": level} for subject, level in zip(subjects, ("manage", "read"), strict=True)]
    return asked(scene, "PUT", path, {"grants": grants}, tag=tag)


async def add_document(scene: Scene) -> Use:
    content = {"text": f"{TEXT} And this is rule {next(scene.numbers)}."}
    return asked(scene, "POST", f"/collections/{scene.collection}/documents", content, keyed=True)


async def delete_document(scene: Scene) -> Use:
    document = (await scene.document())["document"]["id"]
    await scene.service.ingest()
    return asked(scene, "DELETE", f"/documents/{document}")


async def create_key(scene: Scene) -> Use:
    return asked(scene, "POST", "/api-keys", {"name": "import", "scopes": ["search"]}, keyed=True)


async def rotate_key(scene: Scene) -> Use:
    key = await made(scene.admin, "/api-keys", {"name": "import", "scopes": ["search"]})
    return asked(scene, "POST", f"/api-keys/{key['id']}/rotate", {"overlap_seconds": 60}, keyed=True)


async def answer(scene: Scene) -> Use:
    return asked(scene, "POST", "/answers", {"question": "How many days of leave has everyone?"}, keyed=True)


async def change_group(scene: Scene) -> Use:
    path = f"/groups/{(await made(scene.admin, '/groups', {'name': f'Group {next(scene.numbers)}'}))['id']}"
    tag = (await scene.admin.get(path)).headers["etag"]
    return asked(scene, "PATCH", path, {"name": f"Lab {next(scene.numbers)}"}, tag=tag)


async def cancel_job(scene: Scene) -> Use:
    return asked(scene, "POST", f"/jobs/{(await scene.document())['job']['id']}/cancel", keyed=True)


async def retry_job(scene: Scene) -> Use:
    job = (await scene.document())["job"]["id"]
    assert (await scene.admin.post(f"/jobs/{job}/cancel")).status_code == 200
    return asked(scene, "POST", f"/jobs/{job}/retry", keyed=True)


CASES: list[Case] = [
    sign_in, refresh, create_user, change_role, create_collection, set_grants, add_document, delete_document,
    create_key, rotate_key, answer, change_group, cancel_job, retry_job,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_each_call_may_fail(scene: Scene, case: Case) -> None:
    use = await case(scene)
    before = await scene.rows()
    assert (await use.send()).is_success
    whole = changes(before, await scene.rows())
    assert whole
    for fault in Fault:
        call = 1
        while await fails_at(scene, await case(scene), whole, call, fault):
            call += 1
        assert call > 1
        assert call < CALLS_MAX


async def fails_at(scene: Scene, use: Use, whole: Changes, call: int, fault: Fault) -> bool:
    """Send it while this call fails, look what is kept, and send it again; whether there was such a call."""
    before = await scene.rows()
    scene.database.fail(call, fault)
    answered = await use.send()
    failed = scene.database.let_through()
    kept = await scene.rows()
    done = changes(before, kept)
    check_journal(before, kept)
    check_contents(kept)
    if answered.is_success:
        assert done == whole
    else:
        assert failed
        assert answered.json()["code"] in TOLD[answered.status_code], answered.text
        assert "retry-after" in answered.headers or answered.status_code == 507
        assert without_contents(done) in (without_contents(whole), Changes()), answered.text
    if use.keyed or not without_contents(done):
        again = await repeated(scene, use)
        assert again.is_success, again.text
        assert not answered.is_success or again.content == answered.content
        assert without_contents(changes(before, await scene.rows())) == without_contents(whole)
    await scene.stay_signed_in()
    assert (await scene.admin.get("/me")).status_code == 200
    return failed


async def repeated(scene: Scene, use: Use) -> httpx2.Response:
    """The answer to a second try, after the lease of the first one has run out where it could not be given back."""
    answered = await use.send()
    if answered.status_code == 409 and answered.json()["code"] == "idempotency_in_progress":
        scene.clock.forward(seconds=REPEAT_LEASE.total_seconds())
        answered = await use.send()
    return answered


def without_contents(done: Changes) -> Changes:
    """Bytes are kept before their document is; where that then fails they may stay behind."""
    return Changes({name: number for name, number in done.items() if name != "+blobs"})


def check_contents(kept: Rows) -> None:
    """Each document has its bytes, and its chunks where it is ready."""
    there, chunked = {key[0] for key in kept["blobs"]}, Changes(row["document_id"] for row in kept["chunks"].values())
    for row in kept["documents"].values():
        assert row["blob_key"] in there
        assert row["chunk_count"] == chunked[row["id"]]


async def test_each_call_of_an_ingest_may_fail(scene: Scene) -> None:
    await scene.service.ingest()
    for fault in Fault:
        call = 1
        while await ingest_fails_at(scene, call, fault):
            call += 1
        assert call > 1


async def ingest_fails_at(scene: Scene, call: int, fault: Fault) -> bool:
    """One document whose ingest is broken off at this call, and done by the next worker; whether it was broken off."""
    document = (await scene.document())["document"]["id"]
    before = await scene.rows()
    scene.database.fail(call, fault)
    try:
        await ingest(scene)
    except (Unavailable, StorageFull):
        broken_off = True
    else:
        broken_off = False
    failed = scene.database.let_through()
    assert failed or not broken_off
    check_journal(before, await scene.rows())
    check_contents(await scene.rows())
    scene.clock.forward(seconds=CLAIM_LEASE.total_seconds() + 1)
    await scene.stay_signed_in()
    await ingest(scene)
    found = (await scene.admin.get(f"/documents/{document}")).json()
    assert (found["status"], found["error"]) == ("ready", None)
    check_contents(await scene.rows())
    entries = (await scene.rows())["journal"].values()
    assert sum(row["operation"] == "document.ingest" and row["target_id"] == document for row in entries) == 1
    return failed


async def ingest(scene: Scene) -> None:
    queue, clock = scene.service.container.persistence.job_queue(), scene.clock
    if tickets := await queue.claim("tests", [INGEST], 50, clock.now()):
        await scene.service.container.knowledge.ingest().run(tickets)
