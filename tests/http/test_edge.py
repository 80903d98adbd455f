"""The edge: whom proxies speak for, https in production, the names of the service, and what it shows there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from entrypoints.http.app import create_app
from entrypoints.http.server import Bounds, Server
from entrypoints.settings.settings import load_settings
from tests.http.service import PASSWORD, Caller, Service, a_service, memory_settings, quick_container, sqlite_settings
from tests.http.test_envelope import logged
from tests.http.test_problems import assert_problem

PROXY, CLIENT, STRANGER = "10.0.0.2", "203.0.113.9", "198.51.100.7"
PUBLIC = "https://kb.example.com"
TOKEN = "m" * 32
FORWARDED = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}


@asynccontextmanager
async def coming_from(service: Service, peer: str | None, base: str = PUBLIC) -> AsyncIterator[Caller]:
    """Somebody whose connections reach the service from this address; the scheme of `base` is that of the socket."""
    client: Any = (peer, 50123) if peer is not None else None
    transport = httpx2.ASGITransport(app=service.app, raise_app_exceptions=False, client=client)
    async with httpx2.AsyncClient(transport=transport, base_url=base) as opened:
        yield Caller(opened)


@pytest_asyncio.fixture
async def proxied() -> AsyncIterator[Service]:
    async with a_service(memory_settings(trusted_proxies=PROXY)) as running:
        yield running


@pytest_asyncio.fixture
async def production(sqlite_file: Path) -> AsyncIterator[Service]:
    async with a_service(production_settings(sqlite_file)) as running:
        yield running


def production_settings(sqlite_file: Path, **others: Any) -> Any:
    usual = {
        "trusted_proxies": PROXY,
        "metrics_token": TOKEN,
        "rate_limits": "on",
        "public_url": PUBLIC,
        "oidc_providers": "[]",
    }
    return sqlite_settings(sqlite_file, environment="production", **usual | others)


class TestClientAddress:
    @pytest.mark.parametrize(("peer", "known"), [(PROXY, CLIENT), (STRANGER, STRANGER), (f"::ffff:{PROXY}", CLIENT)])
    async def test_log_session_trail_and_key_see_the_same_one(self, proxied: Service, peer: str, known: str) -> None:
        admin = await proxied.person("admin")
        form = {"grant_type": "password", "username": admin.email, "password": PASSWORD}
        async with coming_from(proxied, peer) as caller:
            caller.headers.update(FORWARDED)
            with logged() as lines:
                signed_in = await caller.client.post("/api/v1/auth/token", data=form, headers=FORWARDED)
            assert lines[-1]["client"] == known
            caller.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
            sessions = (await caller.get("/me/sessions")).json()["items"]
            assert [item["client_address"] for item in sessions if item["current"]] == [known]
            made = await caller.post("/api-keys", {"name": "k", "scopes": [], "allowed_cidrs": [f"{CLIENT}/32"]})
            await proxied.number()
            trail = (await admin.get("/audit-events", params={"target_id": made.json()["id"]})).json()["items"]
            assert [event["client_address"] for event in trail] == [known]
            key = Caller(caller.client, {**FORWARDED, "X-API-Key": made.json()["secret"]})
            assert (await key.get("/me")).status_code == (200 if known == CLIENT else 401)

    async def test_a_client_that_hides_does_not_pass_for_the_proxy(self, proxied: Service) -> None:
        admin = await proxied.person("admin")
        made = await admin.post("/api-keys", {"name": "k", "scopes": [], "allowed_cidrs": ["10.0.0.0/8"]})
        async with coming_from(proxied, PROXY) as caller:
            for told in ({"X-Forwarded-For": "unknown"}, {"X-Forwarded-Proto": "https"}, {"X-Forwarded-For": CLIENT}):
                refused = await caller.get("/me", headers={"X-API-Key": made.json()["secret"], **told})
                assert_problem(refused, 401, "invalid_token")

    async def test_tries_are_counted_for_the_client_and_not_for_the_proxy(self) -> None:
        settings = load_settings(None, database_url="memory://", trusted_proxies=PROXY)
        async with a_service(settings) as service, coming_from(service, PROXY) as caller:
            form = {"grant_type": "password", "username": "nobody@example.com", "password": PASSWORD}
            answers = [
                await caller.client.post("/api/v1/auth/token", data=form, headers={"X-Forwarded-For": address})
                for address in (CLIENT, STRANGER)
                for _ in range(31)
            ]
            statuses = [answer.status_code for answer in answers]
            assert statuses == ([400] * 30 + [429]) * 2

    async def test_a_proxy_on_a_unix_socket_has_no_address_and_is_trusted_by_name(self, tmp_path: Path) -> None:
        settings = memory_settings(trusted_proxies="unix", https_only="on")
        opened = socket.socket(socket.AF_UNIX)
        opened.bind(str(tmp_path / "s"))
        server = Server(create_app(quick_container(settings)), Bounds())
        running = asyncio.create_task(server.serve(sockets=[opened]))
        while not (server.started or running.done()):  # noqa: ASYNC110 (uvicorn offers no event)
            await asyncio.sleep(0.01)
        for told, status in ((b"X-Forwarded-Proto: https\r\n", b"401"), (b"", b"308")):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: kb.example.com\r\nConnection: close\r\n" + told + b"\r\n")
            assert (await reader.read()).split()[1] == status
            writer.close()
            await writer.wait_closed()
        server.should_exit = True
        await running
        opened.close()


class TestMetrics:
    @pytest.mark.parametrize(
        ("peer", "fields", "status"),
        [
            ("127.0.0.1", {}, 200),
            ("::1", {}, 200),
            ("::ffff:127.0.0.1", {}, 200),
            ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
            ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 401),
            ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 401),
            ("127.0.0.1", {"Via": "1.1 proxy"}, 401),
            (STRANGER, {}, 401),
            (STRANGER, {"X-Forwarded-For": "127.0.0.1"}, 401),
            (PROXY, {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https"}, 401),
            (None, {}, 401),
            (STRANGER, {"Authorization": f"Bearer {TOKEN}"}, 200),
        ],
    )
    async def test_only_the_machine_itself_sees_them_without_the_token(
        self, production: Service, peer: str | None, fields: dict[str, str], status: int
    ) -> None:
        async with coming_from(production, peer, "http://kb.example.com") as caller:
            answer = await caller.client.get("/metrics", headers=fields)
            assert answer.status_code == status, answer.text


class TestHttps:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_who_asks_in_clear_is_sent_on(self, production: Service, method: str) -> None:
        async with coming_from(production, STRANGER, "http://kb.example.com") as caller:
            answer = await caller.client.request(method, "/problems/a%2Fb//c?q=%C3%A9&x")
            assert answer.status_code == 308
            assert answer.headers["location"] == f"{PUBLIC}/problems/a%2Fb//c?q=%C3%A9&x"
            assert "strict-transport-security" not in answer.headers
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"]

    @pytest.mark.parametrize(
        ("method", "request_parts"),
        [
            ("GET", {"headers": {"Authorization": "Bearer x"}}),
            ("GET", {"headers": {"X-API-Key": "fo_x"}}),
            ("GET", {"content": b"x"}),
            ("POST", {}),
            ("POST", {"json": {"a": 1}}),
            ("PUT", {}),
            ("PATCH", {}),
            ("DELETE", {}),
            ("OPTIONS", {"headers": {"Origin": "https://x.example.com", "Access-Control-Request-Method": "GET"}}),
        ],
    )
    async def test_what_must_not_travel_in_clear_is_refused(
        self, production: Service, method: str, request_parts: dict[str, Any]
    ) -> None:
        async with coming_from(production, STRANGER, "http://kb.example.com") as caller:
            refused = await caller.client.request(method, "/api/v1/me", **request_parts)
            assert_problem(refused, 403, "https_required")
            assert refused.headers["connection"] == "close"
            assert "strict-transport-security" not in refused.headers

    @pytest.mark.parametrize(
        ("peer", "told", "status"),
        [
            (PROXY, "https", 401),
            (PROXY, "http", 308),
            (PROXY, "https, http", 308),
            (PROXY, "gopher", 308),
            (STRANGER, "https", 308),
        ],
    )
    async def test_only_trusted_proxies_tell_the_scheme(
        self, production: Service, peer: str, told: str, status: int
    ) -> None:
        async with coming_from(production, peer, "http://kb.example.com") as caller:
            fields = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": told}
            answer = await caller.get("/me", headers=fields)
            assert answer.status_code == status
            assert ("strict-transport-security" in answer.headers) is (status == 401)

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/version"])
    async def test_machines_ask_in_clear_and_by_address(self, production: Service, path: str) -> None:
        async with coming_from(production, STRANGER, "http://10.1.2.3:8000") as probe:
            assert (await probe.client.get(path)).status_code == 200
        async with coming_from(production, PROXY, "http://kb.example.com") as visitor:
            told = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "http"}
            assert (await visitor.client.get(path, headers=told)).status_code == 308

    async def test_it_is_a_setting(self, sqlite_file: Path) -> None:
        off = production_settings(sqlite_file, https_only="off", trusted_proxies=None)
        async with a_service(off) as service, coming_from(service, STRANGER, "http://kb.example.com") as caller:
            answer = await caller.get("/me")
            assert_problem(answer, 401, "unauthenticated")
            assert answer.headers["strict-transport-security"]
        on = load_settings(None, database_url="memory://", https_only="on", public_url=f"{PUBLIC}/kb")
        async with a_service(on) as service, coming_from(service, STRANGER, "http://127.0.0.1") as caller:
            assert (await caller.client.get("/docs")).headers["location"] == f"{PUBLIC}/kb/docs"
            mounted = httpx2.ASGITransport(app=service.app, root_path="/kb")
            async with httpx2.AsyncClient(transport=mounted, base_url="http://127.0.0.1") as below:
                assert (await below.get("/kb/docs")).headers["location"] == f"{PUBLIC}/kb/docs"
                refused = await below.post("/kb/api/v1/users")
                assert refused.json()["type"] == "/kb/problems/https_required"


class TestHosts:
    @pytest.mark.parametrize("host", ["evil.example.com", "kb.example.com.evil.com", "127.0.0.1", "a@kb.example.com"])
    async def test_another_name_is_refused(self, production: Service, host: str) -> None:
        async with coming_from(production, STRANGER) as caller:
            for path in ("/api/v1/me", "/docs", "/problems"):
                refused = await caller.client.get(path, headers={"Host": host})
                assert_problem(refused, 421, "misdirected_request")
                assert host not in refused.text

    async def test_a_name_from_outside_gets_into_no_answer(self, production: Service) -> None:
        async with coming_from(production, STRANGER, "http://kb.example.com") as caller:
            assert (await caller.client.get("/docs", headers={"Host": "evil"})).status_code == 421
        async with coming_from(production, PROXY, "http://inside:8000") as caller:
            told = {**FORWARDED, "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "http"}
            assert_problem(await caller.client.get("/problems", headers=told), 421, "misdirected_request")
            told["X-Forwarded-Host"] = "KB.example.com:443"
            sent_on = await caller.client.get("/problems", headers=told)
            assert sent_on.headers["location"] == f"{PUBLIC}/problems"

    async def test_further_names_are_a_setting(self, sqlite_file: Path) -> None:
        settings = production_settings(sqlite_file, allowed_hosts="kb.internal, [::1]")
        async with a_service(settings) as service, coming_from(service, STRANGER) as caller:
            for host in ("kb.internal:8443", "[::1]:8000", "kb.example.com."):
                assert (await caller.get("/me", headers={"Host": host})).status_code == 401
            assert (await caller.get("/me", headers={"Host": "kb.intern"})).status_code == 421

    async def test_in_development_any_name_will_do(self, service: Service) -> None:
        assert (await service.client.get("/livez", headers={"Host": "anything"})).status_code == 200
        assert (await service.client.get("/api/v1/me", headers={"Host": "anything"})).status_code == 401


class TestApiDocs:
    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
    async def test_production_shows_them_only_if_told_to(self, sqlite_file: Path, path: str) -> None:
        for shown in ("auto", "off", "on"):
            settings = production_settings(sqlite_file, api_docs=shown)
            async with a_service(settings) as service, coming_from(service, STRANGER) as caller:
                answer = await caller.client.get(path)
                assert answer.status_code == (200 if shown == "on" else 404)
                metadata = (await caller.client.get("/.well-known/oauth-authorization-server")).json()
                assert ("service_documentation" in metadata) is (shown == "on")
                assert (await caller.client.get("/problems/https_required")).status_code == 200

    async def test_development_can_do_without(self) -> None:
        async with a_service(memory_settings(api_docs="off")) as service:
            assert_problem(await service.client.get("/docs"), 404, "not_found")
