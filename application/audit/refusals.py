"""Refusals, counted: one entry per actor, reason and minute, whatever the number of requests."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from application.shared.notes import Note, Notes
from application.shared.ports import Clock
from domain.shared.actor import Actor, ActorType, Origin, anonymous
from domain.shared.entity import plain
from domain.shared.errors import FastOpsError, Kind
from domain.shared.values import Instant

REFUSED: Final = "refused"
UNKNOWN: Final = "unknown"
MANY: Final = "many"
COUNTED_MAX: Final = 256
"""Actors, reasons and targets that are told apart in one minute; all others are counted together, by reason."""
WAITING_MAX: Final = 4 * COUNTED_MAX
"""Counts that are kept while the store is down; of more only the newest minutes stay."""
ROUTES_MAX: Final = 20
ACTIONS: Final = {Kind.FORBIDDEN: "access.refuse", Kind.UNAUTHENTICATED: "credential.refuse"}
SIGN_IN: Final = "session.refuse"

Key = tuple[Instant, ActorType, str | None, str, str, str]


@dataclass(slots=True)
class _Count:
    actor: Actor
    action: str
    first: Instant
    last: Instant
    count: int = 0
    routes: Counter[str] = field(default_factory=Counter)


class Refusals:
    """Counting costs a look-up in a dictionary and never waits; entries are written when their minute is over."""

    def __init__(self, notes: Notes, clock: Clock) -> None:
        self._notes, self._clock = notes, clock
        self._counts: dict[Key, _Count] = {}

    @property
    def waiting(self) -> int:
        """How many entries are still to be written."""
        return len(self._counts)

    def count(self, error: FastOpsError, actor: Actor, route: str) -> None:
        """Count a refusal of `actor` where it is one to be kept: a missing right, or proof that was not accepted.

        `route` names what was asked for. Refusals that concern an account or key tell of whom.
        """
        action = SIGN_IN if error.code == "invalid_grant" else ACTIONS.get(error.kind)
        if action is None or (action == ACTIONS[Kind.UNAUTHENTICATED] and error.concerns is None):
            return
        now = self._clock.now()
        target = error.concerns or (actor.type.value, actor.id or UNKNOWN)
        minute, who = now.replace(second=0, microsecond=0), actor.id or actor.origin.client_address
        key = (minute, actor.type, who, error.code, *target)
        if key not in self._counts and self._told_apart(minute) >= COUNTED_MAX:
            actor = anonymous(Origin())
            key = (minute, ActorType.ANONYMOUS, None, error.code, ActorType.ANONYMOUS.value, MANY)
        counted = self._counts.setdefault(key, _Count(actor, action, now, now))
        counted.count, counted.last = counted.count + 1, now
        if route in counted.routes or len(counted.routes) < ROUTES_MAX:
            counted.routes[route] += 1

    async def write(self, *, everything: bool = False) -> int:
        """Write the entries of minutes that are over, or of all; how many. Raises Unavailable, and keeps them."""
        now = self._clock.now()
        due = [key for key in self._counts if everything or now - key[0] >= timedelta(minutes=1)]
        if not due:
            return 0
        taken = {key: self._counts.pop(key) for key in due}
        try:
            await self._notes.write([_note(key, count) for key, count in taken.items()])
        except FastOpsError:
            self._counts = dict([*taken.items(), *self._counts.items()][-WAITING_MAX:])
            raise
        return len(taken)

    def _told_apart(self, minute: Instant) -> int:
        """At least as many as are told apart in this minute; exact where nothing older waits."""
        if len(self._counts) < COUNTED_MAX:
            return 0
        return sum(key[0] == minute for key in self._counts)


def _note(key: Key, counted: _Count) -> Note:
    _, _, _, reason, target_type, target_id = key
    after: Mapping[str, Any] = {
        "reason": reason,
        "count": counted.count,
        "first_at": plain(counted.first),
        "last_at": plain(counted.last),
        "routes": dict(counted.routes),
    }
    return Note(
        operation=counted.action,
        actor=counted.actor,
        target_type=target_type,
        target_id=target_id,
        outcome=REFUSED,
        after=after,
    )
