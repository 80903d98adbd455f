"""Verification over HTTP: at once where there is little to look at, by a job where there is much."""

from pathlib import Path

import pytest

from application.audit import verifying
from entrypoints.worker.verification import VerificationWorker
from tests.http.service import Caller, Service
from tests.http.test_problems import assert_problem


@pytest.fixture
def hardly_anything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "AT_ONCE_MAX", 1)


async def lived_in(service: Service) -> Caller:
    admin = await service.person("admin")
    for name in ("Papers", "Notes"):
        await admin.post("/collections", {"name": name})
        await service.number()
    return admin


def tampered(service: Service) -> list[int]:
    """Changes the entries of both collections; their sequences."""
    entries = service.container.persistence.in_memory().entries
    places = [place for place, entry in enumerate(entries) if entry.columns["operation"] == "collection.create"]
    for place in places:
        row = entries[place].columns
        row["body"] = row["body"].replace("_created.v1", "_deleted.v1")
    return [place + 1 for place in places]


def worker_of(service: Service) -> VerificationWorker:
    persistence = service.container.persistence
    return VerificationWorker(service.container, persistence.job_queue(), persistence.clock(), "tests")


async def test_the_verdict_is_given_at_once(stored: Service) -> None:
    admin = await lived_in(stored)
    answer = await admin.post("/audit-events/verify")
    assert answer.status_code == 200, answer.text
    verdict = answer.json()["verdict"]
    assert (verdict["holds"], verdict["flaws"], verdict["findings"], answer.json()["job"]) == (True, 0, [], None)
    assert verdict["entries"] == verdict["last_sequence"] >= 4
    part = (await admin.post("/audit-events/verify", {"first_sequence": 1, "last_sequence": 1})).json()["verdict"]
    assert (part["first_sequence"], part["batches"]) == (1, 1)
    refused = await admin.post("/audit-events/verify", {"first_sequence": 2, "last_sequence": 1})
    assert assert_problem(refused, 422, "invalid")["errors"][0]["code"] == "out_of_order"
    editor = await stored.person("editor")
    assert_problem(await editor.post("/audit-events/verify"), 403, "forbidden")


async def test_tampering_is_told_with_its_place(service: Service) -> None:
    admin = await lived_in(service)
    first, second = tampered(service)
    verdict = (await admin.post("/audit-events/verify")).json()["verdict"]
    assert (verdict["holds"], verdict["flaws"]) == (False, 2)
    assert [(found["kind"], found["sequence"]) for found in verdict["findings"]] == [
        ("altered", first),
        ("altered", second),
    ]
    entries = service.container.persistence.in_memory().entries
    assert verdict["findings"][0]["entry_id"] == str(entries[first - 1].id)


async def test_a_verdict_at_once_is_repeated_by_its_key(stored: Service) -> None:
    admin = await lived_in(stored)
    key = {"Idempotency-Key": "verify-0"}
    first = await admin.post("/audit-events/verify", {}, headers=key)
    assert (first.status_code, first.json()["verdict"]["holds"]) == (200, True)
    await stored.person()
    again = await admin.post("/audit-events/verify", {}, headers=key)
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (200, first.json(), "true")
    other = await admin.post("/audit-events/verify", {"first_sequence": 2}, headers=key)
    assert_problem(other, 422, "idempotency_key_reused")


@pytest.mark.usefixtures("hardly_anything_at_once")
async def test_much_is_verified_by_a_job(stored: Service) -> None:
    admin = await lived_in(stored)
    key = {"Idempotency-Key": "verify-1"}
    answer = await admin.post("/audit-events/verify", {}, headers=key)
    assert (answer.status_code, answer.json()["verdict"]) == (202, None)
    again = await admin.post("/audit-events/verify", {}, headers=key)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer.json(), "true")
    job = answer.headers["Location"].removeprefix("/api/v1")
    assert await worker_of(stored).step()
    assert not await worker_of(stored).step()
    done = (await admin.get(job)).json()
    assert (done["kind"], done["status"], done["error"]) == ("audit.verify", "succeeded", None)
    assert done["progress"]["unit"] == "entries"
    assert done["progress"]["done"] == done["progress"]["total"] >= 4


@pytest.mark.usefixtures("hardly_anything_at_once")
async def test_a_job_that_finds_something_fails_and_names_the_place(service: Service) -> None:
    admin = await lived_in(service)
    first, _ = tampered(service)
    job = (await admin.post("/audit-events/verify")).headers["Location"].removeprefix("/api/v1")
    await worker_of(service).step()
    failed = (await admin.get(job)).json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "audit_tampered")
    assert failed["error"]["detail"].startswith(f"Sequence {first}, altered")
    assert "1 more" in failed["error"]["detail"]


@pytest.mark.usefixtures("hardly_anything_at_once")
async def test_a_cancelled_verification_stays_cancelled(service: Service) -> None:
    admin = await lived_in(service)
    job = (await admin.post("/audit-events/verify")).headers["Location"].removeprefix("/api/v1")
    queue, clock = service.container.persistence.job_queue(), service.container.persistence.clock()
    (ticket,) = await queue.claim("tests", (verifying.VERIFY,), 1, clock.now())
    await admin.post(f"{job}/cancel")
    await service.container.audit.verifying().carry_out(ticket, service.container.audit.verification().run)
    assert (await admin.get(job)).json()["status"] == "cancelled"


async def test_the_spans_of_a_long_trail_are_verified_in_processes_of_their_own(
    sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entrypoints.worker import verification
    from tests.http.service import a_service, sqlite_settings

    async with a_service(sqlite_settings(sqlite_file)) as service:
        admin = await service.person("admin")
        for number in range(8):
            await admin.post("/collections", {"name": f"Papers {number}"})
            await service.number()
        whole = await service.container.audit.verification().run()
        monkeypatch.setattr(verification, "ENTRIES_PER_SPAN", 2)
        told: list[int] = []
        parts = await verification.verify(
            service.container, [], 1, None, lambda done, _of: told.append(done), processes=2
        )
        assert parts == whole
        assert len(told) >= 3
        assert told[-1] == whole.entries
