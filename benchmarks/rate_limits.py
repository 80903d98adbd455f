"""What counting a request costs: in memory, in Redis, and in the storage that comes with the library `limits`.

    python -m benchmarks.rate_limits [--calls 2000] [--redis redis://127.0.0.1:6379/0]

The first table spends one unit and asks what is left, as each request does, with that many callers known already. The
second asks `GET /api/v1/roles` in process, limits off and on in turn. Both tell the processor time of this process per
call, whatever it does in the background included, and the median of what a caller waits. Without `--redis` it starts
the Redis that the tests use.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from typing import Any

from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from loguru import logger

from adapters.limits.memory import MemoryCounts
from adapters.limits.redis import RedisCounts
from adapters.limits.windows import WindowRateLimiter, item_of
from application.shared.limits import Allowance
from domain.shared.actor import Actor, ActorType
from entrypoints.http.exchange import Exchange
from entrypoints.http.limits import READ, Allowances, RequestLimits
from tests.http.service import a_service, memory_settings
from tests.redis_server import redis_for_all

PLENTY = Allowance("default", 100_000, 60)
CALLERS = (10, 1_000, 10_000, 100_000)
LIBRARY_CALLERS_MAX = 10_000
BUSY = 10

Call = Callable[[int], Awaitable[object]]


@dataclass
class Taken:
    """Processor and waiting time of some calls."""

    processor: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)

    async def measure(self, call: Call, calls: int) -> None:
        """The loop gets to run between the calls, so that what a call leaves behind is counted too."""
        processor = time.process_time()
        for n in range(calls):
            began = time.perf_counter()
            await call(n)
            self.waiting.append(time.perf_counter() - began)
            await asyncio.sleep(0)
        self.processor.append((time.process_time() - processor) / calls)

    def __str__(self) -> str:
        return f"{statistics.median(self.processor) * 1e6:>13.1f} {statistics.median(self.waiting) * 1e6:>13.1f}"


HEAD = f"{'processor µs':>13} {'waiting µs':>13}"


def spending_in(counts: Any) -> Call:
    limiter = WindowRateLimiter(counts)
    return lambda n: limiter.spend(PLENTY, f"caller {n}", 1)


def asking_the_gate() -> Call:
    """What a route's gate does: count in memory, and write the fields of the answer."""
    plenty = Allowances.per_minute(caller=PLENTY.units, address=PLENTY.units, answers=1, refusals=1)
    limits = RequestLimits(WindowRateLimiter(MemoryCounts()), plenty, guards_model=False)
    return lambda n: limits.caller(Exchange("r", None, {}), Actor(type=ActorType.USER, id=str(n)), READ)


def spending_in_the_library() -> Call:
    """Its fixed windows: the moving ones hand the walk over all keys to a thread, one key at a time."""
    limiter, item = FixedWindowRateLimiter(MemoryStorage()), item_of(PLENTY)

    async def spend(n: int) -> object:
        await limiter.hit(item, f"caller {n}")
        return await limiter.get_window_stats(item, f"caller {n}")

    return spend


async def storages(calls: int, redis_url: str) -> None:
    print(f"{'callers':>9} {'counted in':<22} {HEAD}")
    for callers in CALLERS:
        redis = RedisCounts(redis_url)
        places = {
            "memory": spending_in(MemoryCounts()),
            "memory, by the gate": asking_the_gate(),
            "redis": spending_in(redis),
        }
        if callers <= LIBRARY_CALLERS_MAX:
            places["memory of the library"] = spending_in_the_library()
        for name, spend in places.items():
            for n in range(callers if name != "redis" else BUSY):
                await spend(n)
            taken = Taken()
            await taken.measure(lambda n, spend=spend: spend(n % BUSY), calls)  # type: ignore[misc]
            print(f"{callers:>9} {name:<22} {taken}")
        await redis.close()


async def requests(calls: int, redis_url: str) -> None:
    on = {"rate_limits": "on", "rate_limit_caller": 100_000}
    profiles: dict[str, dict[str, Any]] = {
        "off": {"rate_limits": "off"},
        "in memory": on,
        "in redis": on | {"redis_url": redis_url},
    }
    taken = {name: Taken() for name in profiles}
    async with AsyncExitStack() as stack:
        callers = {}
        for name, settings in profiles.items():
            service = await stack.enter_async_context(a_service(memory_settings(**settings)))
            callers[name] = await service.person("admin")
        for _ in range(max(1, calls // 50)):
            for name, caller in callers.items():
                await taken[name].measure(lambda _, caller=caller: caller.get("/roles"), 50)  # type: ignore[misc]
    print(f"\n{'GET /roles, limits':<32} {HEAD}")
    for name, figures in taken.items():
        print(f"{name:<32} {figures}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--redis", metavar="URL")
    options = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    with ExitStack() as stack:
        url = options.redis or stack.enter_context(redis_for_all())
        asyncio.run(storages(options.calls, url))
        asyncio.run(requests(options.calls, url))


if __name__ == "__main__":
    main()
