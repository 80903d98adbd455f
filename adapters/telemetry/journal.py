"""Metrics of the journal: what waits for a position, for a seal, for the reactions, and for an operator."""

from prometheus_client import Gauge

from application.shared.journal import REACTION_PREFIX, FollowerState, JournalState

UNNUMBERED = Gauge("fastops_journal_unnumbered_entries", "Committed entries that have no position yet.")
UNSEALED = Gauge("fastops_journal_unsealed_entries", "Entries with a position that are not sealed yet.")
LAG = Gauge("fastops_journal_reaction_lag_entries", "Entries that a reaction has not come to yet.", ("reaction",))
WAITING = Gauge(
    "fastops_journal_waiting_entries",
    "Entries that a reaction will try again, or that wait behind another one of their target.",
    ("reaction",),
)
POISON = Gauge("fastops_journal_poison_entries", "Entries of a reaction that wait for an operator.", ("reaction",))


def show_journal(state: JournalState) -> None:
    """Have the gauges tell this state."""
    UNNUMBERED.set(state.unnumbered)
    UNSEALED.set(state.head - state.sealed)
    for follower in state.followers:
        if follower.name.startswith(REACTION_PREFIX):
            _show_reaction(follower.name.removeprefix(REACTION_PREFIX), state.head, follower)


def _show_reaction(name: str, head: int, follower: FollowerState) -> None:
    LAG.labels(name).set(max(0, head - follower.position))
    WAITING.labels(name).set(follower.waiting)
    POISON.labels(name).set(follower.poison)
