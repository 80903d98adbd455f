"""Throttling of sign-in: who is slowed down, who is not, and when it is over."""

import pytest

from adapters.limits import memory
from adapters.limits.memory import ACCOUNT, ADDRESS, PAIR, MemorySignInThrottle, NoSignInThrottle
from domain.shared.errors import RateLimited

HERE, THERE = "192.0.2.1", "198.51.100.7"


class Seconds:
    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def throttle(seconds: Seconds) -> MemorySignInThrottle:
    return MemorySignInThrottle(now=seconds)


async def admitted(throttle: MemorySignInThrottle, address: str | None, account: str, tries: int) -> int:
    """How many of these tries get in."""
    count = 0
    for _ in range(tries):
        try:
            await throttle.arrive(address, account)
        except RateLimited:
            continue
        count += 1
    return count


async def test_each_attempt_counts_on_arrival(throttle: MemorySignInThrottle) -> None:
    assert await admitted(throttle, HERE, "ada", 50) == PAIR.attempts


async def test_one_address_never_locks_the_owner_out_elsewhere(
    throttle: MemorySignInThrottle, seconds: Seconds
) -> None:
    for _ in range(48):
        await admitted(throttle, HERE, "ada", 100)
        seconds.passed += 3600
        assert await admitted(throttle, THERE, "ada", 10) == 10


async def test_many_addresses_together_are_slowed_down_for_an_account(throttle: MemorySignInThrottle) -> None:
    crowd = [await admitted(throttle, f"10.0.0.{n}", "ada", 10) for n in range(100)]
    assert sum(crowd) == ACCOUNT.attempts


async def test_an_address_that_the_owner_signed_in_from_is_not_touched_by_them(
    throttle: MemorySignInThrottle,
) -> None:
    await throttle.arrive(HERE, "ada")
    await throttle.succeeded(HERE, "ada")
    for n in range(100):
        await admitted(throttle, f"10.0.0.{n}", "ada", 10)
    assert await admitted(throttle, THERE, "ada", 1) == 0
    assert await admitted(throttle, HERE, "ada", 5) == 5


async def test_many_accounts_from_one_address_are_slowed_down(throttle: MemorySignInThrottle) -> None:
    assert sum([await admitted(throttle, HERE, f"user{n}", 1) for n in range(500)]) == ADDRESS.attempts
    assert await admitted(throttle, THERE, "user1", 1) == 1


async def test_right_passwords_give_their_attempt_back(throttle: MemorySignInThrottle) -> None:
    for _ in range(10 * ACCOUNT.attempts):
        await throttle.arrive(HERE, "ada")
        await throttle.succeeded(HERE, "ada")
    assert await admitted(throttle, HERE, "ada", 100) == PAIR.attempts


async def test_attempts_come_back_with_time(throttle: MemorySignInThrottle, seconds: Seconds) -> None:
    await admitted(throttle, HERE, "ada", 100)
    with pytest.raises(RateLimited) as limited:
        await throttle.arrive(HERE, "ada")
    assert limited.value.retry_after is not None
    seconds.passed += limited.value.retry_after
    assert await admitted(throttle, HERE, "ada", 5) == 1
    seconds.passed += PAIR.seconds
    assert await admitted(throttle, HERE, "ada", 100) == PAIR.attempts


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::1", "::2", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        (None, "not an address", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
async def test_addresses_of_one_subscriber_count_together(
    throttle: MemorySignInThrottle, first: str | None, second: str | None, same: bool
) -> None:
    await admitted(throttle, first, "ada", 100)
    assert (await admitted(throttle, second, "ada", 1) == 0) is same


async def test_memory_is_bounded(throttle: MemorySignInThrottle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEYS_MAX", 10)
    for n in range(50):
        await throttle.arrive(f"10.0.0.{n}", f"{n}" * 10_000)
        await throttle.succeeded(f"10.0.0.{n}", f"{n}" * 10_000)
    assert all(len(kept) <= 10 for kept in (throttle._pairs._kept, throttle._accounts._kept, throttle._known))


async def test_switched_off_it_lets_everybody_in() -> None:
    throttle = NoSignInThrottle()
    for _ in range(1000):
        await throttle.arrive(HERE, "ada")
    await throttle.succeeded(HERE, "ada")
