"""Single sign-on beside those who want in: answers of other attempts, browsers, issuers and keys; broken providers."""

import asyncio
import hashlib
import json
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey, RSAKey

from adapters.security.oidc.fetching import ANSWER_BYTES_MAX
from tests.fakes_openid import CLIENT_ID, CLIENT_SECRET, GONE, OpenIdStandIn, a_key, openid_stand_in
from tests.http.service import Service, a_service, memory_settings
from tests.http.sign_on import APP, LOGIN, Browser, a_browser, signing_on, told
from tests.http.test_problems import assert_problem

DISCOVERY = "/.well-known/openid-configuration"


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[OpenIdStandIn]:
    async with openid_stand_in() as running:
        yield running


async def attempted(browser: Browser, provider: OpenIdStandIn, **answer: Any) -> httpx2.Response:
    return await browser.back(provider.signs_in(await browser.to_provider(), **answer))


def nobody_came_in(service: Service) -> bool:
    tables = service.container.persistence.in_memory().tables
    return not tables["users"] and not tables["sessions"] and not tables["identities"]


def hour(hours: float) -> int:
    return int(time.time() + hours * 3600)


@pytest.mark.parametrize(
    ("claims", "flaw"),
    [
        ({"nonce": "another"}, "of another attempt"),
        ({"nonce": GONE}, "of another attempt"),
        ({"iss": "https://evil.example"}, "of another issuer"),
        ({"iss": GONE}, "of another issuer"),
        ({"aud": "another"}, "for another client"),
        ({"aud": ["another", "third"]}, "for another client"),
        ({"aud": [CLIENT_ID, "another"]}, "for another client"),
        ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "for another client"),
        ({"azp": "another"}, "for another client"),
        ({"aud": GONE}, "for another client"),
        ({"exp": hour(-1)}, "has expired"),
        ({"exp": GONE}, "does not say when"),
        ({"exp": "soon"}, "a time that is none"),
        ({"exp": True}, "a time that is none"),
        ({"exp": 1e300}, "a time that is none"),
        ({"iat": hour(-1)}, "has expired"),
        ({"iat": hour(1)}, "of the future"),
        ({"iat": GONE}, "does not say when"),
        ({"nbf": hour(1)}, "of the future"),
        ({"sub": GONE}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": 7}, "names nobody"),
        ({"sub": "a" * 256}, "names nobody"),
        ({"sub": "a\x00b"}, "names nobody"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "not the one of the ID token"),
        ({"at_hash": 7}, "not the one of the ID token"),
    ],
)
async def test_a_token_that_says_anything_else_than_it_must_is_refused(
    provider: OpenIdStandIn, claims: dict[str, Any], flaw: str
) -> None:
    provider.claims = claims
    async with signing_on(provider) as (service, browser):
        problem = assert_problem(await attempted(browser, provider), 403, "oidc_proof_refused")
        assert flaw in problem["detail"]
        assert nobody_came_in(service)


def part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'none'})}.{part(claims)}."


def with_secret(claims: dict[str, Any]) -> str:
    """As by a library that takes the client's secret for the provider's signature."""
    secret = OctKey.import_key(CLIENT_SECRET.ljust(32))
    return jwt.encode({"alg": "HS256"}, claims, secret, algorithms=["HS256"])


def with_own_key(claims: dict[str, Any]) -> str:
    """With a key that came in the header of the token itself."""
    key = a_key("mine")
    header = {"alg": "ES256", "kid": "k1", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def of_unknown_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "ES256", "kid": "unknown"}, claims, a_key("unknown"), algorithms=["ES256"])


def critical(claims: dict[str, Any]) -> str:
    return f"{part({'alg': 'ES256', 'kid': 'k1', 'crit': ['exp'], 'exp': 1})}.{part(claims)}.{'A' * 86}"


def of_another_type(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, RSAKey.generate_key(2048), algorithms=["RS256"])


Write = Callable[[dict[str, Any]], str]
FORGERIES: list[Write] = [unsigned, with_secret, with_own_key, of_unknown_key, critical, of_another_type]
GARBAGE = ["", "a.b.c", "..", "é.é.é", "a" * 200_000, f"{part({'alg': ['ES256']})}.e30.AA", f"{part([])}.e30.AA"]


@pytest.mark.parametrize("write", [*FORGERIES, *(lambda _, text=text: text for text in GARBAGE)])
async def test_no_other_signature_is_taken(provider: OpenIdStandIn, write: Write) -> None:
    provider.write = write
    async with signing_on(provider) as (service, browser):
        assert_problem(await attempted(browser, provider), 403, "oidc_proof_refused")
        assert nobody_came_in(service)


async def test_a_token_that_was_changed_is_refused(provider: OpenIdStandIn) -> None:
    def changed(claims: dict[str, Any]) -> str:
        header, _, signature = provider.signed(claims).split(".")
        return f"{header}.{part(claims | {'sub': 'eve'})}.{signature}"

    provider.write = changed
    async with signing_on(provider) as (_, browser):
        assert_problem(await attempted(browser, provider), 403, "oidc_proof_refused")


@pytest.mark.parametrize("issuer", ["https://evil.example", "", GONE])
async def test_an_answer_of_another_issuer_spends_no_code(provider: OpenIdStandIn, issuer: Any) -> None:
    """The mix-up attack (RFC 9207 §1): a code of the honest provider must not be carried to the attacker's."""
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    async with signing_on(provider) as (_, browser):
        assert_problem(await attempted(browser, provider, iss=issuer), 403, "oidc_proof_refused")
        assert "/token" not in provider.asked


async def test_where_no_issuer_is_announced_none_is_needed_and_a_wrong_one_is_refused(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        assert_problem(await attempted(browser, provider, iss="https://evil.example"), 403, "oidc_proof_refused")
        assert (await attempted(browser, provider, iss=GONE)).status_code == 200


async def test_a_state_works_once_even_with_another_good_code(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        login = await browser.to_provider()
        cookies = dict(browser.client.cookies)
        assert (await browser.back(provider.signs_in(login))).status_code == 200
        browser.client.cookies.update(cookies)
        assert_problem(await browser.back(provider.signs_in(login)), 400, "oidc_state_invalid")


async def test_of_many_callbacks_at_once_one_signs_in(provider: OpenIdStandIn) -> None:
    provider.reusable_codes = True
    async with signing_on(provider) as (_, browser):
        url = provider.signs_in(await browser.to_provider())
        answers = await asyncio.gather(*(browser.back(url) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [200, *[400] * 9]


async def test_another_browser_cannot_be_signed_in(provider: OpenIdStandIn) -> None:
    """Or somebody could make others use an account of his own, and read what they hand in."""
    async with signing_on(provider) as (service, eve), a_browser(service) as victim:
        lure = provider.signs_in(await eve.to_provider())
        assert_problem(await victim.back(lure), 400, "oidc_state_invalid")
        await victim.to_provider()
        assert_problem(await victim.back(lure), 400, "oidc_state_invalid")
        own = provider.signs_in(await victim.to_provider())
        begin, _, end = own.partition("state=")
        swapped = f"{begin}state={lure.partition('state=')[2]}"
        alike = f"{begin}state={end[:16]}{'x' * 27}&{end.partition('&')[2]}"
        for url in (swapped, alike):
            assert_problem(await victim.back(url), 400, "oidc_state_invalid")
        assert "/token" not in provider.asked


async def test_a_code_of_another_attempt_is_refused(provider: OpenIdStandIn) -> None:
    """Injection of a stolen code: the provider holds it against the verifier, and the token against the nonce."""
    async with signing_on(provider) as (service, eve), a_browser(service) as victim:
        stolen = provider.signs_in(await victim.to_provider())
        code = stolen.partition("code=")[2].partition("&")[0]
        answer = await attempted(eve, provider, code=code)
        assert_problem(answer, 403, "oidc_proof_refused")
        assert nobody_came_in(service)


@pytest.mark.parametrize("cookie", ["", "x", "A" * 400, "é", "a.b"])
async def test_cookies_that_were_not_sealed_here_are_none(provider: OpenIdStandIn, cookie: str) -> None:
    async with signing_on(provider) as (_, browser):
        url = provider.signs_in(await browser.to_provider())
        name = next(iter(browser.client.cookies))
        browser.client.cookies.clear()
        answer = await browser.client.get(url, headers=[(b"cookie", f"{name}={cookie}".encode("latin-1"))])
        assert_problem(answer, 400, "oidc_state_invalid")


async def test_an_attempt_at_one_provider_does_not_end_at_another(provider: OpenIdStandIn) -> None:
    two = [{"name": name, "issuer": provider.issuer, "client_id": CLIENT_ID} for name in ("corp", "lab")]
    async with a_service(memory_settings(oidc_providers=json.dumps(two))) as service, a_browser(service) as browser:
        url = provider.signs_in(await browser.to_provider())
        assert_problem(await browser.back(url.replace("/corp/", "/lab/")), 400, "oidc_state_invalid")


async def test_what_a_provider_refuses_is_told_and_leads_back(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        denied = {"code": GONE, "error": "access_denied", "error_description": "canary <b>"}
        answer = await attempted(browser, provider, **denied)
        assert "canary" not in answer.text
        assert_problem(answer, 403, "oidc_denied")
        back = told(await browser.back(provider.signs_in(await browser.to_provider(APP), **denied)))
        assert back["error"] == "access_denied"
        assert "canary" not in json.dumps(back)
        assert_problem(await attempted(browser, provider, code=GONE), 403, "oidc_denied")


async def test_user_information_of_somebody_else_is_refused(provider: OpenIdStandIn) -> None:
    provider.claims, provider.userinfo = {"email": GONE}, {"sub": "eve", "email": "ada@corp.example"}
    async with signing_on(provider) as (service, browser):
        assert_problem(await attempted(browser, provider), 403, "oidc_proof_refused")
        assert nobody_came_in(service)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda p: p.bodies.update({DISCOVERY: (500, b"{}")}),
        lambda p: p.bodies.update({DISCOVERY: (302, b"")}),
        lambda p: p.bodies.update({DISCOVERY: (200, b"<html>")}),
        lambda p: p.bodies.update({DISCOVERY: (200, b"[" * 100_000)}),
        lambda p: p.bodies.update({DISCOVERY: (200, b" " * (ANSWER_BYTES_MAX + 1))}),
        lambda p: p.metadata.update({"issuer": "https://evil.example"}),
        lambda p: p.metadata.update({"issuer": GONE}),
        lambda p: p.metadata.update({"token_endpoint": "http://192.0.2.1/token"}),
        lambda p: p.metadata.update({"token_endpoint": "http://169.254.169.254/latest/meta-data/"}),
        lambda p: p.metadata.update({"jwks_uri": "file:///etc/passwd"}),
        lambda p: p.metadata.update({"jwks_uri": "gopher://127.0.0.1/"}),
        lambda p: p.metadata.update({"userinfo_endpoint": "http://user@127.0.0.1/"}),
        lambda p: p.metadata.update({"authorization_endpoint": "javascript:alert(1)"}),
        lambda p: p.metadata.update({"authorization_endpoint": GONE}),
        lambda p: p.metadata.update({"jwks_uri": "https://[broken"}),
    ],
)
async def test_a_provider_without_a_sound_document_is_unavailable(
    provider: OpenIdStandIn, break_it: Callable[[OpenIdStandIn], None]
) -> None:
    break_it(provider)
    async with signing_on(provider) as (_, browser):
        answer = await browser.client.get(LOGIN)
        assert_problem(answer, 503, "oidc_unavailable")
        assert 1 <= int(answer.headers["retry-after"]) <= 5
        asked = len(provider.asked)
        assert_problem(await browser.client.get(LOGIN), 503, "oidc_unavailable")
        assert len(provider.asked) == asked, "nobody asks again at once"


@pytest.mark.parametrize(
    ("path", "status", "content", "code"),
    [
        ("/token", 500, b"", "oidc_unavailable"),
        ("/token", 429, b"{}", "oidc_unavailable"),
        ("/token", 302, b"", "oidc_unavailable"),
        ("/token", 401, b'{"error": "invalid_client"}', "oidc_client_refused"),
        ("/token", 400, b'{"error": "unauthorized_client"}', "oidc_client_refused"),
        ("/token", 400, b'{"error": ["x"]}', "oidc_client_refused"),
        ("/token", 200, b" " * (ANSWER_BYTES_MAX + 1), "oidc_unavailable"),
        ("/jwks", 500, b"", "oidc_unavailable"),
        ("/jwks", 200, b"[]", "oidc_unavailable"),
    ],
)
async def test_a_provider_that_fails_on_the_way_is_unavailable(
    provider: OpenIdStandIn, path: str, status: int, content: bytes, code: str
) -> None:
    async with signing_on(provider) as (service, browser):
        url = provider.signs_in(await browser.to_provider())
        provider.bodies[path] = status, content
        answer = await browser.back(url)
        assert_problem(answer, 503, code)
        assert int(answer.headers["retry-after"]) >= 1
        assert "/elsewhere" not in provider.asked
        assert nobody_came_in(service)


@pytest.mark.parametrize(
    "published",
    [
        lambda key: [key | {"use": "enc"}],
        lambda key: [key | {"alg": "ES384"}],
        lambda key: [key | {"kid": "k2"}],
        lambda key: [None, 7, "x", {}, {"kty": "EC"}, key | {"x": "!"}, key | {"crv": "P-384"}],
        lambda key: [{"kty": "oct", "kid": "k1", "k": "c2VjcmV0"}],
        lambda key: {"k1": key},
        lambda key: [{"kty": "new"}] * 100 + [key],
    ],
)
async def test_keys_that_are_none_for_this_signature_are_passed_over(provider: OpenIdStandIn, published: Any) -> None:
    provider.published = published(provider.key.as_dict(private=False))
    async with signing_on(provider) as (_, browser):
        assert_problem(await attempted(browser, provider), 403, "oidc_proof_refused")


async def test_short_rsa_keys_count_for_nothing(provider: OpenIdStandIn) -> None:
    for bits, status in ((1024, 403), (2048, 200)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key = RSAKey.generate_key(bits, parameters={"kid": f"of {bits}"})
        provider.published = [key.as_dict(private=False)]
        provider.write = lambda claims, key=key: jwt.encode(
            {"alg": "RS256", "kid": key.kid}, claims, key, algorithms=["RS256"]
        )
        async with signing_on(provider) as (_, browser):
            assert (await attempted(browser, provider)).status_code == status


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
async def test_edwards_curves_are_taken_by_both_names(provider: OpenIdStandIn, algorithm: str) -> None:
    key = OKPKey.generate_key("Ed25519", parameters={"kid": "ed"})
    provider.published = [key.as_dict(private=False)]
    digest = hashlib.sha512(b"at-1").digest()[:32]
    provider.claims = {"at_hash": urlsafe_b64encode(digest).rstrip(b"=").decode()}

    def signed(claims: dict[str, Any]) -> str:
        body = f"{part({'alg': algorithm, 'kid': 'ed'})}.{part(claims)}"
        return f"{body}.{urlsafe_b64encode(key.private_key.sign(body.encode())).rstrip(b'=').decode()}"

    provider.write = signed
    async with signing_on(provider) as (_, browser):
        assert (await attempted(browser, provider)).status_code == 200


async def test_a_token_without_a_key_id_is_held_against_the_only_key_that_fits(provider: OpenIdStandIn) -> None:
    provider.write = lambda claims: jwt.encode({"alg": "ES256"}, claims, provider.key, algorithms=["ES256"])
    own, other = provider.key.as_dict(private=False), a_key("other").as_dict(private=False)
    for published, status in (([own], 200), ([own, other], 403)):
        provider.published = published
        async with signing_on(provider) as (_, browser):
            assert (await attempted(browser, provider)).status_code == status


async def test_a_provider_that_hangs_or_is_gone_is_unavailable(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (service, browser):
        service.container.security.oidc_fetcher()._seconds = 0.2
        url = provider.signs_in(await browser.to_provider())
        provider.stalled = {"/token"}
        assert_problem(await browser.back(url), 503, "oidc_unavailable")
        back = provider.signs_in(await browser.to_provider(APP))
        answer = told(await browser.back(back))
        assert answer["error"] == "temporarily_unavailable"
    async with signing_on(OpenIdStandIn("http://127.0.0.1:9")) as (_, browser):
        assert_problem(await browser.client.get(LOGIN), 503, "oidc_unavailable")
