"""Metrics of use cases, for whoever watches the service: how often, how long, and refused by which code."""

from functools import lru_cache

from prometheus_client import Counter, Histogram

from application.shared.unit_of_work import Operation
from domain.shared.errors import FastOpsError

OPERATIONS = Counter(
    "fastops_operations_total",
    "Use cases that ended, by name and outcome: done or the code of the refusal.",
    ("operation", "outcome"),
)
DURATION = Histogram(
    "fastops_operation_duration_seconds",
    "Time from the start of a use case to its commit or refusal.",
    ("operation",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def observe(operation: Operation, seconds: float, refused: FastOpsError | None) -> None:
    """The seam's observer. Names of operations and codes are fixed in the code, so they are safe as labels."""
    ended, duration = _of(operation.name, refused.code if refused else "done")
    ended.inc()
    duration.observe(seconds)


@lru_cache(maxsize=4096)
def _of(name: str, outcome: str) -> tuple[Counter, Histogram]:
    return OPERATIONS.labels(name, outcome), DURATION.labels(name)
