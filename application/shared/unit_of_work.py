"""The one seam between use cases and stores: an operation is opened, reads and collects, and commits once.

A unit of work reads without a transaction. `commit` writes everything in one short transaction: changed rows with
their version check, guards, one journal entry per changed aggregate, and the record for repeats. The seam knows no
context: each context declares its view of the work in its own `ports.py`.
"""

import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast, get_type_hints
from uuid import UUID

from domain.shared.actor import Actor
from domain.shared.errors import Conflict, FastOpsError, Forbidden, RuleBroken, StaleVersion, Unauthenticated

R = TypeVar("R")
W_co = TypeVar("W_co", covariant=True)
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


@dataclass(slots=True)
class Repeat:
    """An Idempotency-Key with what it is bound to. `fingerprint` is that of the parsed content, never of raw bytes.

    The key itself is never stored, only its SHA-256; the kept result is sealed under a key derived from it.
    `replayed` is set when the answer is the first one again, `holder` while this one holds the lease.
    """

    key: str
    principal: str
    route: str
    fingerprint: str
    replayed: bool = False
    holder: UUID | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What is being done (`<noun>.<verb>`), by whom, and whether it may be a repeat.

    One that works `outside` the database before it commits, such as asking a language model, first takes a lease on
    its repeat, so that of equal requests one does that work.
    """

    name: str
    actor: Actor
    repeat: Repeat | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over several rows, checked inside the transaction under a lock. `error` is raised where it breaks;
    StaleVersion where looking again tells what else has to change."""

    name: str
    error: type[RuleBroken] | type[StaleVersion]


class Commits(Protocol):
    """What every view of the work can do."""

    def guard(self, rule: Rule, subject: UUID) -> None:
        """Have `rule` checked for `subject` when the work is written; it must hold afterwards, else nothing is kept."""

    async def commit(self, result: R) -> R:
        """Write everything that was collected, keep `result` for repeats, and give it back with nothing changed.

        Raises StaleVersion when a row moved meanwhile, the rule's error when a guard breaks, AlreadyExists where a
        unique value is taken, StorageFull, and Unavailable when the store is down. In each case nothing is written.
        """


class Work(Protocol[W_co]):
    """Opens operations on a store. Leaving without `commit` writes nothing."""

    def __call__(self, operation: Operation) -> AbstractAsyncContextManager[W_co]:
        """Open `operation`.

        Raises Replayed where its repeat is already answered, Invalid where the key is reused, and RepeatLost where it
        works outside and an equal one is still at it. A lease is given back when the operation ends without a commit;
        that of a crashed process runs out after 60 s.
        """

    async def recorded(self, repeat: Repeat) -> bytes | None:
        """The kept result of a repeat, opened; None when there is none. Invalid where the content differs."""

    def decode(self, result: bytes, form: type[R]) -> R:
        """A kept result in its own form."""


class Replayed(Exception):
    """The operation was answered before; carries the kept result up to `repeatable`."""

    def __init__(self, result: bytes) -> None:
        super().__init__()
        self.result = result


class RepeatLost(Conflict):
    """Another caller with the same Idempotency-Key was first.

    Where it has committed, `repeatable` answers with its result; where it is still at work, this is the answer.
    """

    default_code = "idempotency_in_progress"
    default_detail = "The same request is being worked on; wait a moment and repeat it."
    default_retry_after = 2.0


def repeatable(verb: F) -> F:
    """Make a service's verb with a keyword `repeat` safe to repeat: the first answer is given again, its work is not.

    The record is read when the operation opens, so after the permission check, and once more after any refusal,
    because a verb such as disable rightly refuses the second time. The service holds its work as `_work`.
    """

    @functools.wraps(verb)
    async def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        repeat = kwargs.get("repeat")
        if not isinstance(repeat, Repeat):
            return await verb(self, *args, **kwargs)
        try:
            return await verb(self, *args, **kwargs)
        except Replayed as signal:
            kept: bytes | None = signal.result
        except (Unauthenticated, Forbidden):
            raise
        except FastOpsError:
            kept = await self._work.recorded(repeat)
            if kept is None:
                raise
        repeat.replayed = True
        return self._work.decode(kept, get_type_hints(verb)["return"])

    return cast(F, wrapper)
