"""The links in mails, followed by somebody in a real browser: what they lead to, do, and say when they do not work."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from entrypoints.http.app import create_app
from tests.browser import ENTER, TAB, Browser, chromium
from tests.conftest import needed
from tests.fakes import ManualClock
from tests.http.service import PASSWORD, Service, a_service, memory_settings
from tests.processes import free_port
from tests.server.sockets import served
from tests.smtp_server import Inbox, mail_server

NEW = "another horse that reads"
ADA = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}


@dataclass
class Requests:
    """Pure ASGI. Keeps the head of each request."""

    app: ASGIApp
    heads: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.heads.append(f"{scope['method']} {scope['raw_path']} {scope['query_string']} {scope['headers']}")
        await self.app(scope, receive, send)

    @property
    def changing(self) -> list[str]:
        return [head for head in self.heads if not head.startswith("GET ")]


@dataclass
class Site:
    """A service that a browser can reach, and the mails that it sends."""

    service: Service
    url: str
    requests: Requests
    inbox: Inbox
    clock: ManualClock

    async def link(self, address: str) -> str:
        """The link in the newest mail for an address, which has not come before this."""
        await self.service.deliver()
        texts = [mail.get_content() for mail in self.inbox.mails if mail["to"] == address]
        return re.findall(r"http\S+/account/\S+", texts[-1])[0]

    async def signs_in(self, email: str, password: str) -> bool:
        return (await self.service.token(grant_type="password", username=email, password=password)).status_code == 200


@pytest.fixture(scope="module")
def chromium_here() -> Iterator[Browser]:
    with needed(chromium()) as running:
        yield running


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    url, clock = f"http://127.0.0.1:{free_port()}", ManualClock()
    async with mail_server() as inbox:
        mail = {"smtp_url": f"smtp://127.0.0.1:{inbox.port}", "mail_from": "kb@example.com", "registration": "open"}
        async with a_service(memory_settings(public_url=url, rate_limits="on", **mail), clock) as service:
            requests = Requests(create_app(service.container, _already_running))
            async with served(requests, port=int(url.rpartition(":")[2])):
                yield Site(service, url, requests, inbox, clock)


@asynccontextmanager
async def _already_running(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest_asyncio.fixture
async def browser(chromium_here: Browser, site: Site) -> AsyncIterator[Browser]:
    """Leaves nothing behind: no complaint in the console, and no token but in contents of requests."""
    yield chromium_here
    assert await chromium_here.console() == []
    tokens = [
        text.partition("#")[2] for mail in site.inbox.mails for text in re.findall(r"\S+#\S+", mail.get_content())
    ]
    assert [head for head in site.requests.heads if any(token in head for token in tokens)] == []


async def test_a_forgotten_password_is_replaced(site: Site, browser: Browser) -> None:
    person = await site.service.person()
    await browser.open(f"{site.url}/account/reset-password")
    await browser.fill("Your e-mail address", person.email)
    await browser.press("Mail me a link")
    await browser.reads("If there is an account with this address")
    link = await site.link(person.email)
    site.requests.heads.clear()
    await browser.open(link)
    await browser.reads("At least 15 characters")
    assert await browser.address() == f"{site.url}/account/reset-password"
    assert site.requests.changing == []
    for weak, why in (("short", "Use at least 15 characters"), ("passwordpassword", "among the passwords")):
        await browser.fill("New password", weak)
        await browser.press("Save the new password")
        await browser.reads(why)
        assert await browser.focused() == "password"
    await browser.fill("New password", NEW)
    await browser.press("Save the new password")
    await browser.reads("Your password was changed")
    assert await site.signs_in(person.email, NEW)
    assert not await site.signs_in(person.email, PASSWORD)
    await browser.open(link)
    await browser.fill("New password", PASSWORD)
    await browser.press("Save the new password")
    await browser.reads("This link was used before")
    await browser.reads("Get a link by mail")
    assert not await site.signs_in(person.email, PASSWORD)


async def test_an_invitation_is_accepted_by_keys_alone(site: Site, browser: Browser) -> None:
    admin = await site.service.person("admin")
    assert (await admin.post("/users", {"name": "Ada", "email": ADA["email"]})).status_code == 201
    link = await site.link(ADA["email"])
    await browser.open(link)
    await browser.reads("An account was made for you")
    await browser.type(TAB, ADA["email"], TAB, NEW, ENTER)
    await browser.reads("Your account is ready")
    assert await browser.focused() == "done"
    assert await site.signs_in(ADA["email"], NEW)
    await browser.open(link)
    await browser.type(TAB, TAB, PASSWORD, ENTER)
    await browser.reads("This link was used before")
    await browser.follow("ask for a link to choose a password")
    await browser.reads("Get a link by mail")
    assert await site.signs_in(ADA["email"], NEW)


async def test_somebody_registers_and_is_asked_which_request_is_theirs(site: Site, browser: Browser) -> None:
    for content in (ADA, ADA | {"name": "Mallory", "password": NEW}):
        await site.service.anonymous.post("/auth/register", content)
        link = await site.link(ADA["email"])
    await browser.open(link)
    await browser.press("Confirm the address")
    await browser.reads("Several people may have asked")
    await browser.fill("The password that you chose", "a password of nobody")
    await browser.press("Confirm the address")
    await browser.reads("None of the requests has this password")
    await browser.fill("The password that you chose", PASSWORD)
    await browser.press("Confirm the address")
    await browser.reads("Your address is confirmed")
    ada = await site.service.signed_in(ADA["email"])
    assert (await ada.get("/me")).json()["name"] == "Ada"


async def test_an_address_is_taken_over_by_the_first_who_confirms_it(site: Site, browser: Browser) -> None:
    people = [await site.service.person() for _ in range(2)]
    links = []
    for person in people:
        tag = {"If-Match": (await person.get("/me")).headers["etag"]}
        assert (await person.patch("/me", {"email": ADA["email"]}, headers=tag)).status_code == 200
        links.append(await site.link(ADA["email"]))
    for link, told in zip(links, ("Your address is confirmed", "Another account has this address"), strict=True):
        await browser.open(link)
        await browser.press("Confirm the address")
        await browser.reads(told)
    assert [(await person.get("/me")).json()["email"] for person in people] == [ADA["email"], people[1].email]


async def test_an_expired_link_leads_to_a_new_one(site: Site, browser: Browser) -> None:
    await site.service.anonymous.post("/auth/register", ADA)
    link = await site.link(ADA["email"])
    site.clock.forward(minutes=31)
    await browser.open(link)
    await browser.press("Confirm the address")
    await browser.reads("has expired")
    await browser.fill("Your e-mail address", ADA["email"])
    await browser.press("Mail me a link")
    await browser.reads("Look into your mailbox")
    await browser.open(await site.link(ADA["email"]))
    await browser.press("Confirm the address")
    await browser.fill("The password that you chose", PASSWORD)  # whoever asks again need not be who registered
    await browser.press("Confirm the address")
    await browser.reads("Your address is confirmed")
    assert await site.signs_in(ADA["email"], PASSWORD)


async def test_who_must_wait_is_told_how_long_whether_or_not_there_is_an_account(site: Site, browser: Browser) -> None:
    for _ in range(6):
        await browser.open(f"{site.url}/account/reset-password")
        await browser.fill("Your e-mail address", "nobody@example.com")
        await browser.press("Mail me a link")
        await browser.reads("mail")
    await browser.reads("Too many mails were asked for")
    await browser.reads("try again in 60 minutes")
