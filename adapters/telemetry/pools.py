"""Metrics of database connections, by the role of the server: the primary, or a replica."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge, Histogram

SIZE = Gauge("fastops_database_pool_size_connections", "Connections that may be open at most.", ("role",))
OPEN = Gauge("fastops_database_pool_open_connections", "Connections that are open.", ("role",))
USED = Gauge("fastops_database_pool_used_connections", "Connections that a call is using.", ("role",))
WAITING = Gauge("fastops_database_pool_waiting_calls", "Calls that are waiting for a connection.", ("role",))
WAIT = Histogram(
    "fastops_database_pool_wait_seconds",
    "Time that calls waited which found all connections in use, whether they got one or not.",
    ("role",),
    buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5),
)


class PoolGauges:
    """Tells Prometheus about the pools of one role; those of several replicas add up."""

    def __init__(self, role: str) -> None:
        self._size, self._open, self._used = SIZE.labels(role), OPEN.labels(role), USED.labels(role)
        self._waiting, self._wait = WAITING.labels(role), WAIT.labels(role)

    def limited(self, connections: int) -> None:
        self._size.inc(connections)

    def opened(self) -> None:
        self._open.inc()

    def closed(self) -> None:
        self._open.dec()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        with self._waiting.track_inprogress(), self._wait.time():
            yield

    def taken(self) -> None:
        self._used.inc()

    def returned(self) -> None:
        self._used.dec()
