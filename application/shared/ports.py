"""Ports that every context uses."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from uuid import UUID

from domain.shared.actor import Actor
from domain.shared.values import Instant

R = TypeVar("R")


class Clock(Protocol):
    def now(self) -> Instant:
        """The present, UTC, to the microsecond."""


class ActorDirectory(Protocol):
    """Who exists, for contexts that only know ids. Answers from the primary store."""

    async def user_exists(self, user_id: UUID) -> bool:
        """Whether a user of this id is there, active or not."""

    async def group_exists(self, group_id: UUID) -> bool:
        """Whether a group of this id is there."""

    async def standing(self, user_id: UUID) -> Actor | None:
        """The user as the one who acts, with all rights that roles and groups give; None where there is none."""


class Leases(Protocol):
    """Named leases in the database: of several processes at most one holds each at a time."""

    async def hold(self, name: str, holder: str, seconds: float) -> bool:
        """Take or prolong the lease; False while another holder's has not run out."""

    async def release(self, name: str, holder: str) -> None:
        """Give it back early; nothing happens when it is not held."""


class RepeatUpkeep(Protocol):
    async def forget_repeats(self, limit: int) -> int:
        """Remove up to `limit` kept results and leases of repeats that have run out; how many went."""


class Executor(Protocol):
    """Threads for CPU-bound calls, so that the event loop stays free."""

    async def __call__(self, call: Callable[[], R]) -> R:
        """Run `call` in a thread. Raises Unavailable with retry_after when the queue is full."""


Sleep = Callable[[float], Awaitable[None]]


class Seal(Protocol):
    """Encrypts small secrets under a key derived from a text that is not kept (an Idempotency-Key)."""

    def seal(self, secret: str, content: bytes) -> bytes:
        """Authenticated encryption of `content`; two calls give different bytes."""

    def open(self, secret: str, sealed: bytes) -> bytes:
        """The content again. Raises ValueError where it was altered or the secret is another."""


class SealedBox(Protocol):
    """Encrypts rows under a key of this installation, for one purpose each."""

    def seal(self, content: bytes, context: bytes = b"") -> bytes:
        """Authenticated encryption of `content`, bound to `context`; two calls give different bytes."""

    def open(self, sealed: bytes, context: bytes = b"") -> bytes:
        """The content again. Raises ValueError where it was altered, or key or context are others."""
