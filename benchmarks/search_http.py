"""Search through HTTP against the same query in process, in turn, in one run.

    DATA_DIR=... python -m benchmarks.search_http --queries ../shared/data/scifact/queries.jsonl [--rounds 3]

Starts `fastops serve` on the data directory, which holds the collection already, and opens the same directory in this
process. Every round asks other words, so that no cache of query vectors helps either side. Prints both p50 and their
ratio, and the resident memory of the service.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx2

from application.knowledge.search import SearchQuery
from domain.identity.roles import ADMIN
from domain.shared.actor import system_actor
from domain.shared.values import new_id
from entrypoints.settings.settings import load_settings
from entrypoints.wiring.container import Container, build_container
from entrypoints.wiring.lifecycle import Extent, running

FASTOPS = Path(sys.executable).with_name("fastops")
PASSWORD = "a password for measuring only"  # of an account that this run makes and removes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def wait_until_ready(client: httpx2.AsyncClient) -> None:
    for _ in range(300):
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError("the service did not become ready")


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


async def in_process(container: Container, queries: list[str]) -> float:
    actor, search = system_actor("bench"), container.knowledge.search()
    seconds = []
    for query in queries:
        began = time.perf_counter()
        await search.search(actor, SearchQuery(query=query))
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


async def over_http(client: httpx2.AsyncClient, queries: list[str]) -> float:
    seconds = []
    for query in queries:
        began = time.perf_counter()
        answer = await client.post("/api/v1/search", json={"query": query})
        seconds.append(time.perf_counter() - began)
        answer.raise_for_status()
    return statistics.median(seconds) * 1000


async def measure(container: Container, client: httpx2.AsyncClient, queries: list[str], rounds: int) -> None:
    for n in range(rounds):
        theirs = await over_http(client, [f"{query} h{n}" for query in queries])
        ours = await in_process(container, [f"{query} p{n}" for query in queries])
        print(f"HTTP p50 {theirs:.2f} ms, in process p50 {ours:.2f} ms, ratio {theirs / ours:.2f}", flush=True)


async def run(service: "subprocess.Popen[bytes]", port: int, queries: list[str], rounds: int) -> None:
    container = build_container(load_settings())
    async with running(container, Extent.SEARCH), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await wait_until_ready(client)
        users, actor = container.identity.users(), system_actor("bench")
        email, roles = f"bench-{new_id().hex}@example.com", frozenset({ADMIN.name})
        user = await users.create(actor, name="Bench", email=email, password=PASSWORD, roles=roles)
        form = {"grant_type": "password", "username": email, "password": PASSWORD}
        token = (await client.post("/api/v1/auth/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        await measure(container, client, queries, rounds)
        print(f"service resident {resident_mib(service.pid):.0f} MiB")
        await users.delete(actor, user.id, expected=None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure search over HTTP against in process.")
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    lines = options.queries.read_text(encoding="utf-8").splitlines()
    port = free_port()
    service = subprocess.Popen(
        [FASTOPS, "serve", "--port", str(port)],
        env=os.environ | {"RATE_LIMITS": "off", "LOG_FORMAT": "json"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        asyncio.run(run(service, port, [json.loads(line)["text"] for line in lines], options.rounds))
    finally:
        service.terminate()
        service.wait(20)


if __name__ == "__main__":
    main()
