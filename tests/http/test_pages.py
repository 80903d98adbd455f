"""Pages for people: the API browsers come from this service alone, and every problem has its explanation."""

import re
from hashlib import sha256
from importlib.resources import files

import httpx2
import pytest

from entrypoints.http.pages import rendered
from tests.codes import problem_codes
from tests.http.service import Service
from tests.http.test_problems import assert_problem

DATA = {"Accept": "application/json"}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_every_code_has_a_page_that_says_what_to_do(service: Service) -> None:
    for code in problem_codes():
        page = await service.client.get(f"/problems/{code}", headers=DATA)
        assert page.status_code == 200, code
        assert "What to do: " in page.json()["description"], code
    listed = (await service.client.get("/problems", headers=DATA)).json()["items"]
    assert sorted(listed) == sorted(problem_codes())


async def test_a_problem_leads_to_its_page(service: Service) -> None:
    problem = assert_problem(await service.anonymous.get("/me"), 401, "unauthenticated")
    for headers in (HTML, {}):
        page = await service.client.get(problem["type"], headers=headers)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<h1>Unauthenticated</h1><p><code>unauthenticated</code></p>" in page.text
        assert "What to do" in page.text
        assert "/problems/unauthenticated" in (await service.client.get("/problems", headers=headers)).text
    told = await service.client.get(problem["type"], headers=DATA)
    assert told.json().keys() == {"code", "title", "description"}
    assert told.headers["vary"] == page.headers["vary"] == "Accept"
    assert_problem(await service.client.get("/problems/canary-3f9a", headers=HTML), 404, "not_found")
    listed = await service.client.get("/problems", headers=DATA)
    assert "unauthenticated" in listed.json()["items"]


def test_markdown_becomes_safe_html() -> None:
    text = "Use `a < b` & go.\n\n- one\n  `x`\n- <script>\n\nLast\nline."
    assert rendered(text) == (
        "<p>Use <code>a &lt; b</code> &amp; go.</p>"
        "<ul><li>one <code>x</code></li><li>&lt;script&gt;</li></ul><p>Last line.</p>"
    )


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_browsers_load_everything_from_here(service: Service, path: str) -> None:
    page = await service.client.get(path, headers=HTML)
    assert 'data-openapi="/openapi.json"' in page.text
    await assert_all_comes_from_here(service, page)


async def assert_all_comes_from_here(service: Service, page: httpx2.Response) -> None:
    """A page has no script and no style within, and all that it loads is there."""
    assert page.status_code == 200
    assert "://" not in page.text
    assert "<script>" not in page.text
    assert " style=" not in page.text
    assert " on" not in re.sub(r">[^<]*<", "><", page.text)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses
    for address in addresses:
        asset = await service.client.get(page.url.join(address))
        assert asset.status_code == 200, address
        assert asset.content
        assert asset.headers["x-content-type-options"] == "nosniff"


async def test_redoc_loads_nothing_from_elsewhere(service: Service) -> None:
    bundle = (await service.client.get("/assets/redoc.standalone.js")).text
    assert "redoc/logo-mini.svg" not in bundle
    assert "assets/favicon.png" in bundle


def test_the_bundle_of_redoc_is_the_one_whose_styles_the_policy_allows() -> None:
    """The browser hashes a text that the bundle puts together while it runs, so this holds the bundle itself."""
    bundle = (files("fastapi_offline") / "static" / "redoc.standalone.js").read_bytes()
    looked_at = "1320f442151c57c447d3b70c7ffc6c4f86d08464020fe34c8cc5d3164e9944f0"
    assert sha256(bundle).hexdigest() == looked_at, "look at /redoc in a browser: its console must stay empty"


@pytest.mark.parametrize("name", ["..", "%2e%2e%2fcore.py", "core.py", "py.typed", "", "docs.js%00", "SWAGGER-UI.CSS"])
async def test_no_other_file_is_an_asset(service: Service, name: str) -> None:
    assert (await service.client.get(f"/assets/{name}")).status_code == 404
