"""A service that is killed in the middle of requests: after its restart each repeat gets its one answer."""

import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

from tests.cli.conftest import Terminal
from tests.cli.serving import Answer, Serving, serving

PASSWORD = "seven green tractors at dawn"
REQUESTS = 40
CALLERS = 8
KILL_AFTER = 20


def requests_of(collection: str) -> list[tuple[str, dict[str, Any]]]:
    kinds = [
        lambda n: ("/api/v1/collections", {"name": f"collection {n}"}),
        lambda n: ("/api/v1/api-keys", {"name": f"key {n}", "scopes": ["search"]}),
        lambda n: ("/api/v1/users", {"name": f"Person {n}", "email": f"person{n}@example.com"}),
        lambda n: (f"/api/v1/collections/{collection}/documents", {"text": f"Text {n}.", "title": f"T{n}"}),
    ]
    return [kinds[n % len(kinds)](n) for n in range(REQUESTS)]


def test_nothing_is_lost_and_nothing_done_twice(terminal: Terminal) -> None:
    arguments = ("--email", "ada@example.com", "--name", "Ada", "--role", "admin", "--password-stdin")
    terminal.done("user", "create", *arguments, stdin=PASSWORD + "\n")
    with serving(terminal, RATE_LIMITS="off") as service:
        token = service.sign_in("ada@example.com", PASSWORD)
        collection = service.post("/api/v1/collections", {"name": "Library"}, token).json["id"]
        requests = requests_of(collection)
        before = send_until_killed(service, token, requests)
    with serving(terminal, RATE_LIMITS="off") as service:
        token = service.sign_in("ada@example.com", PASSWORD)
        after = [service.post(*request, token, key=f"k{n}") for n, request in enumerate(requests)]
    assert all(answer.status in {201, 202} for answer in after)
    assert len(before) >= KILL_AFTER
    assert {n: after[n].json for n in before} == {n: answer.json for n, answer in before.items()}
    with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
        counts = [database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("api_keys", "documents")]
        assert counts == [REQUESTS // 4, REQUESTS // 4]
        assert database.execute("SELECT count(*) FROM collections").fetchone() == (REQUESTS // 4 + 1,)
        assert database.execute("SELECT count(*) FROM users").fetchone() == (REQUESTS // 4 + 1,)


def send_until_killed(service: Serving, token: str, requests: list[tuple[str, dict[str, Any]]]) -> dict[int, Answer]:
    """The answers that came before the service was killed, by the number of their request."""
    answers: dict[int, Answer] = {}
    enough = threading.Event()

    def send(n: int) -> None:
        try:
            answers[n] = service.post(*requests[n], token, key=f"k{n}")
        except (OSError, HTTPException):  # no answer, or half of one
            return
        if len(answers) >= KILL_AFTER:
            enough.set()

    with ThreadPoolExecutor(CALLERS) as callers:
        sent = [callers.submit(send, n) for n in range(len(requests))]
        enough.wait(60)
        service.stop(signal.SIGKILL)
        for future in sent:
            future.result()
    return answers
