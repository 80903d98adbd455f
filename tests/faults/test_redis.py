"""Services that count together in Redis, and what they do while it is gone, hangs, or has come back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from adapters.limits.sign_in import STRICT, USUAL
from adapters.telemetry.limits import ALONE
from tests.fakes_language_model import StandIn, language_model_stand_in
from tests.http.service import PASSWORD, Caller, Service, a_service, sqlite_settings
from tests.http.test_problems import assert_problem
from tests.http.test_rate_limits import assert_limited, told
from tests.redis_server import RedisServer

CALLER = 60
QUESTION = {"question": "Who hunts at night?"}
Break = Callable[[RedisServer], None]
BREAKS = [pytest.param(RedisServer.kill, id="killed"), pytest.param(RedisServer.stop, id="hung")]


@asynccontextmanager
async def counting_together(file: Path, url: str, **others: Any) -> AsyncIterator[Service]:
    usual = {"rate_limits": "on", "rate_limit_caller": CALLER, "redis_url": url}
    async with a_service(sqlite_settings(file, **usual | others)) as service:
        yield service


@pytest.fixture(autouse=True)
def nothing_told_yet() -> None:
    ALONE.set(0)


@pytest_asyncio.fixture
async def model() -> AsyncIterator[StandIn]:
    async with language_model_stand_in() as stand_in:
        yield stand_in


@pytest_asyncio.fixture
async def service(sqlite_file: Path, own_redis: RedisServer, model: StandIn) -> AsyncIterator[Service]:
    """A service with a Redis of its own and a language model."""
    written = {"language_model_url": model.url, "language_model": "any"}
    async with counting_together(sqlite_file, own_redis.url, **written) as running:
        yield running


def counted_alone() -> bool:
    return ALONE._value.get() == 1


async def until_shared_again(service: Service) -> None:
    """Ask now and then, as callers do; the service notices by itself."""
    while counted_alone():
        await asyncio.sleep(0.05)
        assert (await service.client.get("/problems")).status_code == 200


async def wrong_passwords_let_in(service: Service, email: str, tries: int) -> int:
    form = {"grant_type": "password", "username": email, "password": "wrong" * 4}
    answers = [await service.token(**form) for _ in range(tries)]
    assert {answer.status_code for answer in answers} <= {400, 429}
    return sum(answer.status_code == 400 for answer in answers)


async def test_services_on_one_redis_give_one_allowance(sqlite_file: Path, redis_url: str) -> None:
    async with (
        counting_together(sqlite_file, redis_url) as first,
        counting_together(sqlite_file, redis_url) as second,
    ):
        at_first = await first.person("viewer")
        at_second = Caller(second.client, at_first.headers)
        for n in range(CALLER):
            answer = await (at_first, at_second)[n % 2].get("/me")
            assert told(answer) == ("default", CALLER, CALLER - n - 1)
        for caller in (at_first, at_second):
            assert_limited(await caller.get("/me"))


async def test_services_on_one_redis_count_attempts_to_sign_in_together(sqlite_file: Path, redis_url: str) -> None:
    async with (
        counting_together(sqlite_file, redis_url) as first,
        counting_together(sqlite_file, redis_url) as second,
    ):
        person = await first.person("viewer")
        let_in = [await wrong_passwords_let_in(service, person.email, 20) for service in (first, second)]
        assert let_in == [20, USUAL.pair.units - 20]


@pytest.mark.parametrize("broken", BREAKS)
async def test_while_redis_is_gone_everything_goes_on_but_what_needs_shared_counts(
    service: Service, own_redis: RedisServer, model: StandIn, broken: Break
) -> None:
    viewer = await service.person("viewer")
    assert (await viewer.post("/answers", QUESTION)).status_code == 200
    broken(own_redis)
    answers = await asyncio.gather(*(viewer.get("/me") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert counted_alone()
    asked = len(model.asked)
    refused = await viewer.post("/answers", QUESTION)
    assert_problem(refused, 503, "limits_unshared")
    assert int(refused.headers["retry-after"]) >= 1
    assert len(model.asked) == asked
    assert (await viewer.post("/search", {"query": "owls"})).status_code == 200
    assert (await service.anonymous.get("/me")).status_code == 401
    assert (await service.client.get("/readyz")).status_code == 200
    assert "fastops_rate_limits_alone 1.0" in (await service.client.get("/metrics")).text
    assert (await service.signed_in(viewer.email)).headers


@pytest.mark.parametrize("broken", BREAKS)
async def test_while_redis_is_gone_each_process_keeps_limits(
    service: Service, own_redis: RedisServer, broken: Break
) -> None:
    viewer, other = await service.person("viewer"), await service.person("viewer")
    broken(own_redis)
    answers: list[httpx2.Response] = await asyncio.gather(*(viewer.get("/me") for _ in range(CALLER + 20)))
    assert sum(answer.status_code == 200 for answer in answers) == CALLER
    for _ in range(STRICT.pair.units + 1):
        await service.signed_in(other.email)
    assert await wrong_passwords_let_in(service, other.email, 30) == STRICT.pair.units
    form = {"grant_type": "password", "username": other.email, "password": PASSWORD}
    async with service.at("198.51.100.7") as elsewhere:
        assert (await elsewhere.post("/api/v1/auth/token", data=form)).status_code == 200


@pytest.mark.parametrize("broken", BREAKS)
async def test_when_redis_is_back_limits_are_shared_again(
    service: Service, own_redis: RedisServer, model: StandIn, broken: Break
) -> None:
    viewer = await service.person("viewer")
    for _ in range(2):
        broken(own_redis)
        await asyncio.gather(*(viewer.get("/me") for _ in range(20)))
        assert counted_alone()
        if broken is RedisServer.kill:
            own_redis.start()
        else:
            own_redis.go_on()
        await until_shared_again(service)
        assert (await viewer.post("/answers", QUESTION)).status_code == 200
        fresh = [await service.person() for _ in range(20)]
        left = await asyncio.gather(*(caller.get("/me") for caller in fresh))
        assert {told(answer) for answer in left} == {("default", CALLER, CALLER - 1)}


async def test_without_a_language_model_answers_of_quotes_go_on(sqlite_file: Path, own_redis: RedisServer) -> None:
    async with counting_together(sqlite_file, own_redis.url) as service:
        viewer = await service.person("viewer")
        own_redis.kill()
        assert (await viewer.post("/answers", QUESTION)).status_code == 200


async def test_a_redis_that_was_never_there_stops_nothing(sqlite_file: Path, own_redis: RedisServer) -> None:
    own_redis.kill()
    async with counting_together(sqlite_file, own_redis.url) as service:
        viewer = await service.person("viewer")
        assert (await viewer.get("/me")).status_code == 200
        assert (await service.client.get("/readyz")).status_code == 200
        own_redis.start()
        await until_shared_again(service)


async def test_a_redis_that_refuses_to_write_counts_as_gone(service: Service, own_redis: RedisServer) -> None:
    viewer = await service.person("viewer")
    own_redis.command("CONFIG", "SET", "maxmemory", "1")
    assert (await viewer.get("/me")).status_code == 200
    assert counted_alone()
    own_redis.command("CONFIG", "SET", "maxmemory", "0")
    await until_shared_again(service)
