"""The authenticator app and recovery codes, as a client meets them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pyotp
import pytest
import pytest_asyncio
from joserfc import jws

from tests.fakes import ManualClock
from tests.http.service import PASSWORD, Caller, Service, a_service, memory_settings
from tests.http.test_problems import assert_problem


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def service(clock: ManualClock) -> AsyncIterator[Service]:
    async with a_service(memory_settings(), clock) as running:
        yield running


async def enrolled(person: Caller, clock: ManualClock) -> pyotp.TOTP:
    """An app that counts, a minute after its first code was shown."""
    begun = (await person.post("/me/totp")).json()
    app = pyotp.TOTP(begun["secret"])
    confirmed = await person.post("/me/totp", {"code": app.at(clock.now())})
    assert confirmed.json()["status"] == "active", confirmed.text
    clock.forward(minutes=1)
    return app


async def password_grant(service: Service, person: Caller, **more: str) -> httpx2.Response:
    return await service.token(grant_type="password", username=person.email, password=PASSWORD, **more)


def claims(answer: httpx2.Response) -> Any:
    return json.loads(jws.extract_compact(answer.json()["access_token"].encode()).payload)


async def test_an_app_is_added_in_two_steps_and_asked_for_from_then_on(service: Service, clock: ManualClock) -> None:
    person = await service.person("viewer")
    off = {"status": "off", "confirmed_at": None, "recovery_codes_left": 0, "secret": None, "otpauth_uri": None}
    assert (await person.get("/me/totp")).json() == off
    assert_problem(await person.post("/me/totp", {"code": "123456"}), 409, "totp_not_begun")
    begun = (await person.post("/me/totp")).json()
    app = pyotp.parse_uri(begun["otpauth_uri"])
    assert (app.secret, app.name, app.issuer) == (begun["secret"], person.email, "FastOps kb.example.com")
    assert (await person.get("/me/totp")).json() == {**off, "status": "pending"}
    assert (await password_grant(service, person)).status_code == 200
    wrong = await person.post("/me/totp", {"code": "000000"})
    assert assert_problem(wrong, 422, "code_refused")["errors"][0]["pointer"] == "/code"
    confirmed = await person.post("/me/totp", {"code": app.at(clock.now())})  # type: ignore[attr-defined]
    assert (confirmed.json()["status"], confirmed.json()["secret"]) == ("active", None)
    assert_problem(await person.post("/me/totp"), 409, "totp_active")
    refused = await password_grant(service, person)
    problem = assert_problem(refused, 400, "second_factor_required")
    assert (problem["error"], problem["factors"]) == ("invalid_grant", ["totp", "recovery_code"])


async def test_a_code_signs_in_once(service: Service, clock: ManualClock) -> None:
    person = await service.person("viewer")
    app = await enrolled(person, clock)
    code = app.at(clock.now())
    answer = await password_grant(service, person, totp=code)
    assert answer.status_code == 200
    assert (claims(answer)["amr"], claims(answer)["acr"]) == (["pwd", "otp", "mfa"], "aal2")
    assert claims(answer)["auth_time"] == int(clock.now().timestamp())
    assert_problem(await password_grant(service, person, totp=code), 400, "invalid_grant")
    caller = Caller(service.client, {"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert (await caller.get("/me/sessions")).json()["items"][0]["amr"] == ["pwd", "otp", "mfa"]


async def test_only_the_right_password_learns_of_a_second_factor(service: Service, clock: ManualClock) -> None:
    person = await service.person("viewer")
    app = await enrolled(person, clock)
    right = app.at(clock.now())
    tries = [
        {"username": person.email, "password": "wrong"},
        {"username": person.email, "password": "wrong", "totp": right},
        {"username": "nobody@example.com", "password": PASSWORD},
        {"username": person.email, "password": PASSWORD, "totp": "000000"},
    ]
    problems = [
        assert_problem(await service.token(grant_type="password", **one), 400, "invalid_grant") for one in tries
    ]
    told = [{name: value for name, value in one.items() if name not in {"instance", "request_id"}} for one in problems]
    assert all(one == told[0] for one in told)
    assert "second factor" in told[0]["detail"]
    assert (await password_grant(service, person, totp=right)).status_code == 200, "a wrong password spends no code"


async def test_recovery_codes_stand_in_for_the_app_once_each(service: Service, clock: ManualClock) -> None:
    person = await service.person("viewer")
    assert_problem(await person.post("/me/recovery-codes"), 409, "second_factor_missing")
    await enrolled(person, clock)
    repeat = {"Idempotency-Key": "codes-1"}
    codes = (await person.post("/me/recovery-codes", headers=repeat)).json()["codes"]
    again = await person.post("/me/recovery-codes", headers=repeat)
    assert (again.json()["codes"], again.headers["idempotency-replayed"]) == (codes, "true")
    assert len(codes) == 10
    first = await password_grant(service, person, totp=codes[0].upper())
    assert claims(first)["amr"] == ["pwd", "recovery", "mfa"]
    assert_problem(await password_grant(service, person, totp=codes[0]), 400, "invalid_grant")
    assert (await person.get("/me/totp")).json()["recovery_codes_left"] == 9


async def test_without_the_app_the_password_alone_signs_in_again(service: Service, clock: ManualClock) -> None:
    person = await service.person("viewer")
    await enrolled(person, clock)
    codes = (await person.post("/me/recovery-codes")).json()["codes"]
    assert (await person.delete("/me/totp")).status_code == 204
    assert_problem(await person.delete("/me/totp"), 404, "not_found")
    assert (await person.get("/me/totp")).json()["recovery_codes_left"] == 0
    assert (await password_grant(service, person)).status_code == 200
    await enrolled(person, clock)
    assert_problem(await password_grant(service, person, totp=codes[0]), 400, "invalid_grant")


async def test_proving_anew_asks_for_the_second_factor_too(service: Service, clock: ManualClock) -> None:
    person = await service.person("viewer")
    app = await enrolled(person, clock)
    assert_problem(await person.post("/me/reauthentication", {"password": PASSWORD}), 400, "second_factor_required")
    proof = {"password": PASSWORD, "totp": "000000"}
    assert_problem(await person.post("/me/reauthentication", proof), 400, "invalid_grant")
    answer = await person.post("/me/reauthentication", {**proof, "totp": app.at(clock.now())})
    assert claims(answer)["amr"] == ["pwd", "otp", "mfa"]


async def test_a_secret_that_was_not_confirmed_is_replaced(service: Service, clock: ManualClock) -> None:
    person = await service.person("viewer")
    first = pyotp.TOTP((await person.post("/me/totp")).json()["secret"])
    second = pyotp.TOTP((await person.post("/me/totp")).json()["secret"])
    assert_problem(await person.post("/me/totp", {"code": first.at(clock.now())}), 422, "code_refused")
    assert (await person.post("/me/totp", {"code": second.at(clock.now())})).status_code == 200


async def test_keys_do_not_come_near_second_factors(service: Service) -> None:
    key = await service.key_of(await service.person("viewer"), "search")
    for method, path in (("GET", "totp"), ("POST", "totp"), ("DELETE", "totp"), ("POST", "recovery-codes")):
        assert_problem(await key(method, f"/me/{path}"), 403, "session_required")
