"""How the seam tells the outside what was done: metrics, spans and log lines hang here, written once."""

from collections.abc import Callable

from application.shared.unit_of_work import Operation
from domain.shared.errors import FastOpsError

Observer = Callable[[Operation, float, FastOpsError | None], None]
"""Told of each finished operation: what it was, its seconds, and the refusal that ended it."""
