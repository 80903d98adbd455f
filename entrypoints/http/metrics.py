"""Prometheus metrics of the HTTP channel, on the default registry. Labels never hold ids or free text."""

from functools import lru_cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

REQUESTS = Counter("fastops_http_requests_total", "Answers given, by route and status.", ("method", "route", "status"))
DURATION = Histogram(
    "fastops_http_request_duration_seconds",
    "Time from the request's headers to the last byte of its answer.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_PROGRESS = Gauge("fastops_http_requests_in_progress", "Requests being worked on.")
CONNECTIONS = Gauge("fastops_http_connections", "Open connections.")
ENDED = Counter(
    "fastops_http_connections_ended_total",
    "Connections that the service ended: the code of a refusal, answer_not_taken, idle, gave_way or stopped.",
    ("reason",),
)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. Methods that HTTP does not know share one label, or clients could invent labels."""
    method = method if method in METHODS else "other"
    requests, duration = _of(method, route, status)
    requests.inc()
    duration.observe(seconds)


@lru_cache(maxsize=4096)
def _of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(method, route, str(status)), DURATION.labels(method, route)


def exposition() -> bytes:
    """Everything that this process counts, in the text format of Prometheus."""
    return generate_latest(REGISTRY)
