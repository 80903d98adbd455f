"""Accounts before sign-in over HTTP: the answer is one, the mailbox knows more."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from domain.shared.values import ListQuery
from tests.fakes import Mailbox
from tests.http.service import PASSWORD, SYSTEM, Service, a_service, memory_settings, with_mailbox
from tests.http.test_problems import assert_problem

NEW = "another horse that reads"
ADA = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}
Mailed = tuple[Service, Mailbox]


@pytest_asyncio.fixture
async def mailed() -> AsyncIterator[Mailed]:
    """A service where everybody may register, and what it has mailed."""
    async with a_service(memory_settings(registration="open")) as service:
        yield service, with_mailbox(service)


async def ask(service: Service, path: str, content: dict[str, Any]) -> dict[str, Any]:
    answer = await service.anonymous.post(f"/auth/{path}", content)
    assert answer.status_code == 202, answer.text
    kept = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return {"body": answer.json(), "headers": kept}


async def test_somebody_registers_and_signs_in(mailed: Mailed) -> None:
    service, mailbox = mailed
    await ask(service, "register", ADA)
    await service.deliver()
    assert (await service.token(grant_type="password", username=ADA["email"], password=PASSWORD)).status_code == 400
    answer = await service.anonymous.post("/auth/email-verifications/confirm", {"token": mailbox.token(ADA["email"])})
    assert answer.status_code == 204
    ada = await service.signed_in(ADA["email"])
    shown = (await ada.get("/me")).json()
    assert (shown["roles"], shown["email_verified"]) == (["viewer"], True)


async def test_an_address_that_was_registered_twice_asks_whose_account_it_is(mailed: Mailed) -> None:
    service, mailbox = mailed
    for content in (ADA, ADA | {"name": "Mallory", "password": NEW}):
        await ask(service, "register", content)
        await service.deliver()
    content = {"token": mailbox.token(ADA["email"])}
    refused = await service.anonymous.post("/auth/email-verifications/confirm", content)
    assert (refused.status_code, refused.json()["code"]) == (422, "password_refused")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/password"]
    answer = await service.anonymous.post("/auth/email-verifications/confirm", content | {"password": PASSWORD})
    assert answer.status_code == 204
    ada = await service.signed_in(ADA["email"])
    assert (await ada.get("/me")).json()["name"] == "Ada"


async def test_a_forgotten_password_is_replaced_and_all_sessions_end(mailed: Mailed) -> None:
    service, mailbox = mailed
    person = await service.person()
    await ask(service, "password-resets", {"email": person.email})
    await service.deliver()
    choice = {"token": mailbox.token(person.email), "password": NEW}
    assert (await service.anonymous.post("/auth/password-resets/confirm", choice)).status_code == 204
    assert (await person.get("/me")).status_code == 401
    await service.signed_in(person.email, password=NEW)
    again = await service.anonymous.post("/auth/password-resets/confirm", choice)
    assert assert_problem(again, 422, "link_invalid")["errors"][0]["pointer"] == "/token"


async def test_an_invited_person_chooses_a_password(mailed: Mailed) -> None:
    service, mailbox = mailed
    admin = await service.person("admin")
    made = await admin.post("/users", {"name": "Ada", "email": ADA["email"]})
    assert made.status_code == 201
    sent = await admin.post(f"/users/{made.json()['id']}/invitation", {})
    assert sent.status_code == 202
    await service.deliver()
    assert mailbox.subjects(ADA["email"]) == ["You are invited"] * 2
    choice = {"token": mailbox.token(ADA["email"]), "password": NEW}
    assert (await service.anonymous.post("/auth/invitations/accept", choice)).status_code == 204
    await service.signed_in(ADA["email"], password=NEW)
    late = await admin.post(f"/users/{made.json()['id']}/invitation", {})
    assert (late.status_code, late.json()["code"]) == (409, "user_already_joined")


@pytest.mark.parametrize("path", ["register", "email-verifications", "password-resets"])
async def test_the_answer_does_not_tell_whether_there_is_an_account(mailed: Mailed, path: str) -> None:
    service, _ = mailed
    person = await service.person()
    answers = []
    for email in (person.email, "nobody99@example.com"):
        content = ADA | {"email": email} if path == "register" else {"email": email}
        answers.append(await ask(service, path, content))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("path", ["password-resets/confirm", "invitations/accept", "email-verifications/confirm"])
@pytest.mark.parametrize("token", ["x", "A" * 43, "é" * 43, "A" * 42 + "\n"])
async def test_every_other_text_is_no_link(mailed: Mailed, path: str, token: str) -> None:
    service, _ = mailed
    content = {"token": token} | ({} if "email" in path else {"password": NEW})
    answer = await service.anonymous.post(f"/auth/{path}", content)
    assert_problem(answer, 422, "link_invalid")


async def test_registration_is_closed_unless_it_is_opened(service: Service) -> None:
    answer = await service.anonymous.post("/auth/register", ADA)
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")


async def test_where_no_mail_is_sent_what_needs_one_says_so() -> None:
    async with a_service(memory_settings(environment="staging", oidc_providers=None)) as service:
        for email in ("nobody@example.com", (await service.person()).email):
            answer = await service.anonymous.post("/auth/password-resets", {"email": email})
            assert (answer.status_code, answer.json()["code"]) == (403, "mail_off")
        admin = await service.person("admin")
        made = await admin.post("/users", {"name": "Ada", "email": ADA["email"]})
        assert made.status_code == 201
        queued = await service.container.persistence.job_lists().jobs(SYSTEM, ListQuery())
        assert not queued.items
