"""Wiring of limits: counted in this process, in Redis for all processes when REDIS_URL is set, or not at all."""

from typing import TYPE_CHECKING, Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, DependenciesContainer, Dependency, Provider, Selector, Singleton

from adapters.limits.memory import MemoryCounts
from adapters.limits.shared import Circuit, SharedRateLimiter, SharedSignInThrottle
from adapters.limits.sign_in import STRICT, CountingSignInThrottle, NoSignInThrottle
from adapters.limits.windows import NoRateLimiter, OwnRateLimiter, WindowRateLimiter
from adapters.telemetry.limits import tell_alone
from entrypoints.http.limits import Allowances, RequestLimits
from entrypoints.settings.refusals import WrongSetting, WrongSettings
from entrypoints.settings.settings import Settings, revealed

if TYPE_CHECKING:
    from adapters.limits.redis import RedisCounts


def counted_in(settings: Settings) -> str:
    if settings.access.rate_limits == "off":
        return "nothing"
    return "redis" if settings.data.redis_url is not None else "process"


def redis_counts(settings: Settings) -> "RedisCounts":
    """Imported here, because `redis` is an extra. Raises WrongSettings for options that no connection takes."""
    from adapters.limits.redis import RedisCounts

    try:
        return RedisCounts(revealed(settings.data.redis_url) or "")
    except (TypeError, ValueError):
        raise WrongSettings([WrongSetting("REDIS_URL", "has an option behind the `?` that does not exist.")]) from None


def allowances(settings: Settings) -> Allowances:
    access = settings.access
    return Allowances.per_minute(
        caller=access.rate_limit_caller,
        address=access.rate_limit_address,
        answers=access.rate_limit_answers,
        refusals=access.rate_limit_refusals,
    )


def asks_a_model(choice: str) -> bool:
    return choice != "none"


class LimitsContainer(DeclarativeContainer):
    """How often what may be done, and by whom."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    language: Any = DependenciesContainer()

    place = Callable(counted_in, settings)
    circuit = Singleton(Circuit, tell_alone)
    counts = Singleton(redis_counts, settings)

    own_windows = Singleton(OwnRateLimiter, Singleton(MemoryCounts))
    limiter = Selector(
        place,
        nothing=Singleton(NoRateLimiter),
        process=own_windows,
        redis=Singleton(SharedRateLimiter, Singleton(WindowRateLimiter, counts), own_windows, circuit),
    )
    requests = Singleton(
        RequestLimits,
        limiter,
        Callable(allowances, settings),
        guards_model=Callable(asks_a_model, language.choice),
    )
    sign_in = Selector(
        place,
        nothing=Singleton(NoSignInThrottle),
        process=Singleton(CountingSignInThrottle, Singleton(MemoryCounts), Singleton(MemoryCounts)),
        redis=Singleton(
            SharedSignInThrottle,
            Singleton(CountingSignInThrottle, counts, counts),
            Singleton(CountingSignInThrottle, Singleton(MemoryCounts), Singleton(MemoryCounts), STRICT),
            circuit,
        ),
    )
