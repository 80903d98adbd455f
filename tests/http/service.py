"""A whole service for tests, spoken to over HTTP without a socket: real services on a real store, quick hashing."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from dependency_injector.providers import Object
from fastapi import FastAPI

from adapters.security.passwords import Argon2Passwords
from application.identity.mail_requests import ACCOUNT_MAIL
from application.knowledge.intake import INGEST
from application.shared.ports import Clock
from domain.identity.users import UserKind
from domain.shared.actor import Actor, Origin, system_actor
from entrypoints.http.app import create_app
from entrypoints.settings.settings import Settings, load_settings
from entrypoints.wiring.container import Container, build_container
from entrypoints.wiring.lifecycle import Extent, running
from entrypoints.worker.journal import JournalDuty, keep_once
from tests.fakes import Mailbox
from tests.http.embedding import WordEmbedder, WordTokenizer

PASSWORD = "a horse that reads quietly"
MASTER_KEY = b64encode(bytes(range(32))).decode()
BASE = "http://kb.example.com"
ADDRESS = "192.0.2.7"
NOBODY = "http://127.0.0.1:9"
PROVIDERS = json.dumps([{"name": name, "issuer": NOBODY, "client_id": "kb"} for name in ("corp", "lab", "school")])
"""OpenID providers that are never reached."""
USUAL = {"rate_limits": "off", "public_url": BASE, "oidc_providers": PROVIDERS}
SYSTEM: Actor = system_actor("tests", Origin("tests", "127.0.0.1"))


@dataclass
class Caller:
    """Somebody who talks to the service; sends JSON and tells the answer."""

    client: httpx2.AsyncClient
    headers: dict[str, str] = field(default_factory=dict)
    id: str = ""
    email: str = ""
    refresh_token: str = ""

    async def __call__(self, method: str, path: str, json: Any = None, **rest: Any) -> httpx2.Response:
        headers = {**self.headers, **rest.pop("headers", {})}
        url = path if path.startswith(("/api/", "http", "/.well-known")) else f"/api/v1{path}"
        content = {"json": json} if json is not None else {}
        return await self.client.request(method, url, headers=headers, **content, **rest)

    async def get(self, path: str, **rest: Any) -> httpx2.Response:
        return await self("GET", path, **rest)

    async def post(self, path: str, json: Any = None, **rest: Any) -> httpx2.Response:
        return await self("POST", path, json, **rest)

    async def put(self, path: str, json: Any = None, **rest: Any) -> httpx2.Response:
        return await self("PUT", path, json, **rest)

    async def patch(self, path: str, json: Any, **rest: Any) -> httpx2.Response:
        return await self("PATCH", path, json, **rest)

    async def delete(self, path: str, **rest: Any) -> httpx2.Response:
        return await self("DELETE", path, **rest)

    def with_headers(self, **headers: str) -> "Caller":
        """The same caller with further header fields."""
        return Caller(self.client, {**self.headers, **headers}, self.id, self.email)


@dataclass
class Service:
    """One running installation."""

    app: FastAPI
    container: Container
    client: httpx2.AsyncClient
    _people: int = 0

    @property
    def anonymous(self) -> Caller:
        return Caller(self.client)

    async def person(self, *roles: str, kind: UserKind = UserKind.PERSON) -> Caller:
        """A new account with these roles, signed in."""
        self._people += 1
        email = f"person{self._people}@example.com"
        user = await self.container.identity.users().create(
            SYSTEM, name=f"Person {self._people}", email=email, password=PASSWORD, roles=frozenset(roles), kind=kind
        )
        return await self.signed_in(email, str(user.id))

    async def signed_in(self, email: str, id: str = "", password: str = PASSWORD) -> Caller:
        answer = await self.token(grant_type="password", username=email, password=password)
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return Caller(self.client, headers, id, email, tokens["refresh_token"])

    async def token(self, **form: str) -> httpx2.Response:
        return await self.client.post("/api/v1/auth/token", data=form)

    @asynccontextmanager
    async def at(self, address: str) -> AsyncIterator[httpx2.AsyncClient]:
        """A client at another address than the usual one."""
        async with _client_of(self.app, address) as client:
            yield client

    async def key_of(self, owner: Caller, *scopes: str) -> Caller:
        """A key of the owner with these scopes, as somebody who talks."""
        answer = await owner.post("/api-keys", {"name": "key", "scopes": list(scopes)})
        assert answer.status_code == 201, answer.text
        return Caller(self.client, {"X-API-Key": answer.json()["secret"]}, owner.id, owner.email)

    async def ingest(self) -> None:
        """Do all queued work and let the indexes follow, as the worker of a running service does."""
        queue, clock = self.container.persistence.job_queue(), self.container.persistence.clock()
        while tickets := await queue.claim("tests", [INGEST], 50, clock.now()):
            await self.container.knowledge.ingest().run(tickets)
        await self.number()
        await self.container.knowledge.index_feed().catch_up()

    async def deliver(self) -> None:
        """Send all mails that are due, as the worker of a running service does."""
        queue, clock = self.container.persistence.job_queue(), self.container.persistence.clock()
        for ticket in await queue.claim("tests", [ACCOUNT_MAIL], 50, clock.now()):
            await self.container.identity.account_mail().deliver(ticket)

    async def number(self) -> None:
        """Give all journal entries their place and seal them."""
        persistence = self.container.persistence
        await keep_once(JournalDuty(persistence.leases(), "tests"), persistence.keeper())


def memory_settings(**others: Any) -> Settings:
    return load_settings(None, database_url="memory://", **USUAL | others)


def sqlite_settings(file: Path, **others: Any) -> Settings:
    usual = {"data_dir": file.parent, "master_key": MASTER_KEY} | USUAL
    return load_settings(None, database_url=f"sqlite:///{file}", **usual | others)


def postgres_settings(url: str, folder: Path, **others: Any) -> Settings:
    usual = {"data_dir": folder, "master_key": MASTER_KEY} | USUAL
    return load_settings(None, database_url=url, **usual | others)


def quick_container(settings: Settings) -> Container:
    """The real container with cheap hashing and a small model in place of the heavy ones."""
    container = build_container(settings)
    container.security.passwords.override(Object(Argon2Passwords(memory_kib=8, passes=1, workers=2)))
    container.retrieval.embedder.override(Object(WordEmbedder()))
    container.retrieval.tokenizer.override(Object(WordTokenizer()))
    return container


def with_mailbox(service: Service) -> Mailbox:
    """Have the service's mails end here."""
    mailbox = Mailbox()
    service.container.mail.mailer.override(Object(mailbox))
    return mailbox


@asynccontextmanager
async def a_service(
    settings: Settings, clock: Clock | None = None, prepare: Callable[[Container], None] | None = None
) -> AsyncIterator[Service]:
    """A service from start to stop, by the time of `clock` where one is given; `prepare` may put other parts in."""
    container = quick_container(settings)
    if prepare is not None:
        prepare(container)
    if clock is not None:
        container.persistence.clock.override(Object(clock))
    app = create_app(container)
    async with running(container, Extent.SEARCH), _client_of(app, ADDRESS) as client:
        yield Service(app, container, client)
        await asyncio.sleep(0)


def _client_of(app: FastAPI, address: str) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 1234))
    return httpx2.AsyncClient(transport=transport, base_url=BASE)
