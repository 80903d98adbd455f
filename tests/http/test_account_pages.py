"""The pages that links in mails lead to, as they come over HTTP; what they do is for a browser to show."""

import re

import pytest

from application.identity.letters import PAGES, Letters
from application.identity.mail_requests import Letter
from entrypoints.http.console.account import TITLES
from tests.http.service import BASE, Service, a_service, memory_settings
from tests.http.test_pages import HTML, assert_all_comes_from_here
from tests.http.test_problems import assert_problem


def test_each_link_has_its_page_and_no_page_is_without_a_link() -> None:
    assert set(PAGES.values()) == TITLES.keys()


@pytest.mark.parametrize("letter", [Letter.ALREADY_REGISTERED, Letter.PASSWORD_CHANGED])
def test_mails_without_a_link_lead_to_the_page_that_sends_one(letter: Letter) -> None:
    assert f"\n{BASE}/account/reset-password" in Letters(BASE).write(letter, "ada@example.com").text


@pytest.mark.parametrize("name", TITLES)
async def test_a_page_is_kept_by_nobody_and_loads_nothing_from_elsewhere(service: Service, name: str) -> None:
    page = await service.client.get(f"/account/{name}", headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    closed = dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'")
    assert policy == closed | dict.fromkeys(("script-src", "style-src", "img-src", "connect-src"), "'self'")
    await assert_all_comes_from_here(service, page)


@pytest.mark.parametrize("name", TITLES)
async def test_all_addresses_of_a_page_are_relative_and_lead_somewhere(service: Service, name: str) -> None:
    """So it works behind a proxy that takes a prefix away, which only PUBLIC_URL knows of."""
    page = await service.client.get(f"/account/{name}")
    addresses = re.findall(r'(?:src|href|action)="([^"]+)"', page.text)
    assert [address for address in addresses if address.startswith("/")] == []
    for address in re.findall(r'action="([^"]+)"', page.text):
        assert "post" in service.app.openapi()["paths"][page.url.join(address).path]


@pytest.mark.parametrize("name", ["x", "", "notices", "new-password", "notices.html", "..%2fpages", "Confirm-Email"])
async def test_there_is_no_other_page(service: Service, name: str) -> None:
    assert_problem(await service.client.get(f"/account/{name}", headers=HTML), 404, "not_found")


async def test_a_page_takes_nothing(service: Service) -> None:
    assert_problem(await service.client.post("/account/reset-password", json={}), 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("name", "minimum", "tells_of_factors"),
    [("reset-password", 8, False), ("reset-password", 20, True), ("accept-invitation", 20, False)],
)
async def test_the_rules_are_those_of_this_installation(name: str, minimum: int, tells_of_factors: bool) -> None:
    async with a_service(memory_settings(password_min_length=minimum)) as service:
        page = (await service.client.get(f"/account/{name}")).text
        assert f"At least {minimum} characters" in page
        assert ("second factor" in page) is tells_of_factors
        assert "$" not in page
