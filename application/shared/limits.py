"""How much a caller may ask of the service: allowances, where a caller stands with one, and the port that counts."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many units within any `seconds` in a row. The name is told to callers: letters and hyphens."""

    name: str
    units: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Where a caller stands with an allowance after a call was counted, or refused and so not counted.

    `remaining` units can be spent now and more come back in `reset` seconds. `wait` is None for a call that was let
    in, else the seconds after which it would be. `shared` is False while processes that should count together cannot.
    """

    allowance: Allowance
    remaining: int
    reset: float
    wait: float | None = None
    shared: bool = True


class RateLimiter(Protocol):
    """Counts units per caller. Whatever the interleaving of calls and processes, no stretch of `allowance.seconds`
    holds more admitted units than `allowance.units`.

    Where processes count together and their store does not answer, each counts for itself within half a second, says
    so in `shared`, and returns to the store when it is back. Never raises.
    """

    async def spend(self, allowance: Allowance, caller: str, units: int) -> Balance | None:
        """Count `units` (1 to `allowance.units`) for `caller`, or refuse. None where nothing is limited."""
