"""How long answers take while PostgreSQL restarts and hangs under 40 clients, and when the service is itself again.

`python -m benchmarks.outages`. A real service, a real server; clients and all share the processors.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.cli.conftest import Terminal
from tests.cli.serving import Serving, serving
from tests.outages import Crowd, Told, crowd_at
from tests.postgres_cluster import Cluster, private_cluster

EMAIL, PASSWORD = "ada@example.com", "seven green tractors at dawn"
CLIENTS, ROUNDS = 40, 3
AWAY_SECONDS = 8.0
AFTER_SECONDS = 4.0


async def restarted(cluster: Cluster) -> float:
    """Gives the moment from which the server accepts again."""
    await asyncio.to_thread(cluster.stop)
    await asyncio.sleep(1)
    await asyncio.to_thread(cluster.start)
    return time.monotonic()


async def suspended(cluster: Cluster) -> float:
    cluster.suspend()
    await asyncio.sleep(AWAY_SECONDS)
    cluster.resume()
    return time.monotonic()


async def measured(service: Serving, cluster: Cluster, outage: Callable[[Cluster], Awaitable[float]]) -> str:
    authority = {"authorization": f"Bearer {service.sign_in(EMAIL, PASSWORD)}"}
    async with crowd_at(service.port, authority, {"username": EMAIL, "password": PASSWORD}, CLIENTS) as crowd:
        await asyncio.sleep(2)
        began = time.monotonic()
        back = await outage(cluster)
        await asyncio.sleep(AFTER_SECONDS)
    return _summary(crowd, began, back)


def _summary(crowd: Crowd, began: float, back: float) -> str:
    during = [told for told in crowd.told if told.answered >= began and told.asked < back]
    refused = [told for told in crowd.told if b'"code":"database_' in told.reply.body or _is_unready(told)]
    readyz = min((told.answered for told in refused if _is_unready(told)), default=began)
    figures = [
        f"answers {len(during)}",
        f"statuses {sorted({told.reply.status for told in crowd.told})}",
        f"slowest {max(map(_seconds, during)):.2f} s",
        f"slowest /livez {max(_seconds(told) for told in during if told.what == '/livez'):.2f} s",
        f"/readyz refuses after {readyz - began:.2f} s",
        f"last refusal {max((told.answered for told in refused), default=back) - back:+.2f} s from its return",
    ]
    return ", ".join(figures)


def _is_unready(told: Told) -> bool:
    return told.what == "/readyz" and told.reply.status == 503


def _seconds(told: Told) -> float:
    return told.answered - told.asked


def main() -> None:
    """Print one line for each round."""
    with tempfile.TemporaryDirectory() as folder, private_cluster() as cluster:
        terminal = Terminal(Path(folder))
        key = terminal.done("keys", "make-master").out.strip()
        terminal.environment |= {"DATABASE_URL": f"{cluster.url}/postgres", "MASTER_KEY": key}
        terminal.done("db", "upgrade")
        person = ("--email", EMAIL, "--name", "Ada", "--role", "admin", "--password-stdin")
        terminal.done("user", "create", *person, stdin=PASSWORD + "\n")
        with serving(terminal, RATE_LIMITS="off", LOG_LEVEL="ERROR") as service:
            for _ in range(ROUNDS):
                for outage in (restarted, suspended):
                    print(f"{outage.__name__}: {asyncio.run(measured(service, cluster, outage))}")


if __name__ == "__main__":
    main()
