"""What a request costs and who pays for it; how callers are told what they have left.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10: structured lists (RFC 9651) with one policy each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any, Final

from application.shared.limits import Allowance, Balance, RateLimiter
from domain.shared.actor import Actor
from domain.shared.addresses import subscriber
from domain.shared.errors import RateLimited, Unavailable
from entrypoints.http.exchange import Exchange
from entrypoints.http.provided import resolver

WINDOW_SECONDS: Final = 60
UNSHARED_RETRY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a kind of request asks of the service, in units. With `answer` it has an allowance of its own."""

    units: int
    answer: bool = False


READ: Final = Load(1)
WRITE: Final = Load(2)
SEARCH: Final = Load(3)
HEAVY: Final = Load(5)
"""Sets off work that goes on behind the answer, or moves a whole file."""
ANSWER: Final = Load(1, answer=True)
HEALTH: Final = Load(0)
"""Never counted: what watches the service must not be turned away by it."""


class LimitsUnshared(Unavailable):
    default_code = "limits_unshared"
    default_detail = "Answers cannot be counted for all processes together at the moment; searches go on. Try again."


@dataclass(frozen=True, slots=True)
class Allowances:
    """Who may spend what within a minute."""

    caller: Allowance
    address: Allowance
    answers: Allowance
    refusals: Allowance

    @classmethod
    def per_minute(cls, *, caller: int, address: int, answers: int, refusals: int) -> "Allowances":
        return cls(
            caller=Allowance("default", caller, WINDOW_SECONDS),
            address=Allowance("anonymous", address, WINDOW_SECONDS),
            answers=Allowance("answers", answers, WINDOW_SECONDS),
            refusals=Allowance("credentials", refusals, WINDOW_SECONDS),
        )


class RequestLimits:
    """Counts each request once. `guards_model`: an answer asks a language model, which nobody may do uncounted."""

    def __init__(self, limiter: RateLimiter, allowances: Allowances, *, guards_model: bool) -> None:
        self._limiter, self._allowances, self._guards_model = limiter, allowances, guards_model

    async def caller(self, exchange: Exchange, actor: Actor, load: Load) -> None:
        """Count for a user or API key. Raises RateLimited, and LimitsUnshared as the class says."""
        allowance = self._allowances.answers if load.answer else self._allowances.caller
        balance = await self._spend(exchange, allowance, f"{actor.type}:{actor.id}", load.units)
        if load.answer and self._guards_model and balance is not None and not balance.shared:
            raise LimitsUnshared(retry_after=UNSHARED_RETRY_SECONDS)

    async def address(self, exchange: Exchange, load: Load) -> None:
        """Count for the address of somebody who is not signed in. Raises RateLimited."""
        await self._spend(exchange, self._allowances.address, subscriber(exchange.client_address), load.units)

    async def refusal(self, exchange: Exchange) -> None:
        """Count credentials that were missing or refused, by address. Raises RateLimited in the refusal's place.

        Good credentials are never held up by others of the same address: these may be a whole office.
        """
        await self._spend(exchange, self._allowances.refusals, subscriber(exchange.client_address), 1)

    async def _spend(self, exchange: Exchange, allowance: Allowance, caller: str, units: int) -> Balance | None:
        balance = await self._limiter.spend(allowance, caller, units) if units else None
        if balance is not None:
            exchange.fields += fields(balance)
            if balance.wait is not None:
                raise RateLimited(retry_after=balance.wait)
        return balance


limits_of = resolver("limits.requests")


def load_of(method: str) -> Load:
    """The load of a route that declares none."""
    return READ if method == "GET" else WRITE


def fields(balance: Balance) -> tuple[tuple[bytes, bytes], ...]:
    """RateLimit-Policy and RateLimit: the quota and its window, the units left and the seconds until there are more."""
    name, reset = balance.allowance.name, ceil(balance.reset)
    return (
        (b"ratelimit-policy", _policy(balance.allowance)),
        (b"ratelimit", f'"{name}";r={balance.remaining};t={reset}'.encode()),
    )


LIMIT_FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "RateLimit-Policy": {
        "description": "The limit that the request counted for: its name, quota `q` in units, window `w` in seconds.",
        "schema": {"type": "string", "pattern": '^"[a-z]+";q=[0-9]+;w=[0-9]+$'},
        "example": '"default";q=600;w=60',
    },
    "RateLimit": {
        "description": "What is left of that limit: `r` units now, and more in `t` seconds.",
        "schema": {"type": "string", "pattern": '^"[a-z]+";r=[0-9]+;t=[0-9]+$'},
        "example": '"default";r=599;t=60',
    },
}
"""Both fields as OpenAPI headers. Answers do without them where RATE_LIMITS is off."""


def describe_fields(operation: dict[str, Any]) -> None:
    """Say of every answer of a limited operation that it carries both fields."""
    if "429" in operation["responses"]:
        for answer in operation["responses"].values():
            headers = answer.setdefault("headers", {})
            headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_FIELDS}


@cache
def _policy(allowance: Allowance) -> bytes:
    return f'"{allowance.name}";q={allowance.units};w={allowance.seconds}'.encode()
