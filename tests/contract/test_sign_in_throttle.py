"""Throttling of sign-in: who is slowed down, who is not, and when it is over."""

import asyncio

import pytest

from adapters.limits.sign_in import STRICT, USUAL, CountingSignInThrottle, NoSignInThrottle, SignInAllowances
from domain.shared.errors import RateLimited
from tests.counts import Counting

HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(params=[USUAL, STRICT], ids=["usual", "strict"])
def allowances(request: pytest.FixtureRequest) -> SignInAllowances:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def throttle(place: Counting, allowances: SignInAllowances) -> CountingSignInThrottle:
    return CountingSignInThrottle(place.counts, place.counts, allowances)


async def admitted(throttle: CountingSignInThrottle, address: str | None, account: str, tries: int) -> int:
    """How many of these tries get in."""
    count = 0
    for _ in range(tries):
        try:
            await throttle.arrive(address, account)
        except RateLimited:
            continue
        count += 1
    return count


async def test_each_attempt_counts_on_arrival(throttle: CountingSignInThrottle, allowances: SignInAllowances) -> None:
    assert await admitted(throttle, HERE, "ada", 50) == allowances.pair.units


async def test_attempts_at_once_from_several_processes_all_count(place: Counting, allowances: SignInAllowances) -> None:
    processes = [CountingSignInThrottle(place.another(), place.counts, allowances) for _ in range(3)]
    told = await asyncio.gather(*(admitted(processes[n % 3], HERE, "ada", 1) for n in range(60)))
    assert sum(told) == allowances.pair.units


async def test_one_address_never_locks_the_owner_out_elsewhere(
    place: Counting, throttle: CountingSignInThrottle
) -> None:
    for _ in range(24):
        await admitted(throttle, HERE, "ada", 100)
        await place.forward(3600)
        assert await admitted(throttle, THERE, "ada", 10) == 10


async def test_many_addresses_together_are_slowed_down_for_an_account(
    throttle: CountingSignInThrottle, allowances: SignInAllowances
) -> None:
    crowd = [await admitted(throttle, f"10.0.0.{n}", "ada", 5) for n in range(100)]
    assert sum(crowd) == allowances.account.units


async def test_an_address_that_the_owner_signed_in_from_is_not_touched_by_them(
    throttle: CountingSignInThrottle,
) -> None:
    await throttle.arrive(HERE, "ada")
    await throttle.succeeded(HERE, "ada")
    for n in range(100):
        await admitted(throttle, f"10.0.0.{n}", "ada", 2)
    assert await admitted(throttle, THERE, "ada", 1) == 0
    assert await admitted(throttle, HERE, "ada", 5) == 5


async def test_many_accounts_from_one_address_are_slowed_down(
    throttle: CountingSignInThrottle, allowances: SignInAllowances
) -> None:
    assert sum([await admitted(throttle, HERE, f"user{n}", 1) for n in range(300)]) == allowances.address.units
    assert await admitted(throttle, THERE, "user1", 1) == 1


async def test_a_refused_attempt_takes_nothing(
    place: Counting, throttle: CountingSignInThrottle, allowances: SignInAllowances
) -> None:
    for n in range(allowances.address.units):
        await throttle.arrive(HERE, f"user{n}")
    assert await admitted(throttle, HERE, "ada", 50) == 0
    await place.forward(allowances.address.seconds + 1)
    assert await admitted(throttle, HERE, "ada", 50) == allowances.pair.units


async def test_right_passwords_give_their_attempt_back(
    throttle: CountingSignInThrottle, allowances: SignInAllowances
) -> None:
    for _ in range(2 * allowances.account.units):
        await throttle.arrive(HERE, "ada")
        await throttle.succeeded(HERE, "ada")
    assert await admitted(throttle, HERE, "ada", 100) == allowances.pair.units
    others = [await admitted(throttle, f"10.0.0.{n}", "ada", 1) for n in range(150)]
    assert sum(others) == allowances.account.units - allowances.pair.units


async def test_right_passwords_at_once_all_work(throttle: CountingSignInThrottle) -> None:
    for _ in range(5):
        assert await asyncio.gather(*(admitted(throttle, HERE, "ada", 1) for _ in range(20))) == [1] * 20
        await asyncio.gather(*(throttle.succeeded(HERE, "ada") for _ in range(20)))


async def test_after_the_told_wait_attempts_are_let_in_again(
    place: Counting, throttle: CountingSignInThrottle, allowances: SignInAllowances
) -> None:
    await admitted(throttle, HERE, "ada", 50)
    await place.forward(1234.5)
    with pytest.raises(RateLimited) as limited:
        await throttle.arrive(HERE, "ada")
    assert limited.value.code == "sign_in_limited"
    assert limited.value.retry_after is not None
    await place.forward(limited.value.retry_after - 5)
    assert await admitted(throttle, HERE, "ada", 1) == 0
    await place.forward(5)
    assert await admitted(throttle, HERE, "ada", 50) == allowances.pair.units


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
    throttle: CountingSignInThrottle, first: str | None, second: str | None, same: bool
) -> None:
    await admitted(throttle, first, "ada", 40)
    assert (await admitted(throttle, second, "ada", 1) == 0) is same


async def test_switched_off_it_lets_everybody_in() -> None:
    throttle = NoSignInThrottle()
    for _ in range(1000):
        await throttle.arrive(HERE, "ada")
    await throttle.succeeded(HERE, "ada")
