"""The service as a process: its first start, its second one, and how it ends."""

import os
import re
import signal
import sqlite3
import time
from http.client import HTTPConnection

import pytest

from tests.cli.conftest import Terminal
from tests.cli.serving import Serving, serving
from tests.processes import children_of, free_port, is_running

PRODUCTION = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://kb.example.com",
    "TRUSTED_PROXIES": "127.0.0.1",
}
PASSWORD = re.compile(r"Password +(\S+)")


def wait_for(condition: object, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.05)


def collection_named(service: Serving, token: str, name: str) -> str:
    items = service.get(f"/api/v1/collections?name={name}", token).json["items"]
    return str(items[0]["id"])


def document_states(service: Serving, token: str, collection_id: str) -> set[str]:
    items = service.get(f"/api/v1/collections/{collection_id}/documents?limit=200", token).json["items"]
    return {item["status"] for item in items}


def job_states(terminal: Terminal) -> set[str]:
    with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
        return {status for (status,) in database.execute("SELECT status FROM jobs")}


class TestFirstStart:
    def test_it_shows_a_password_once_and_the_handbook_answers(self, bare: Terminal) -> None:
        with serving(bare, on_terminal=True) as service:
            password = PASSWORD.search(service.output)
            assert password is not None, service.output
            token = service.sign_in("admin@example.com", password[1])
            handbook = collection_named(service, token, "handbook")
            wait_for(lambda: document_states(service, token, handbook) == {"ready"})
            search = {"query": "how do I set the port"}
            wait_for(lambda: service.post("/api/v1/search", search, token).json["items"], 10)
            assert service.stop() == 0
        with serving(bare, on_terminal=True) as again:
            assert password[1] not in again.output
            assert PASSWORD.search(again.output) is None
            assert again.sign_in("admin@example.com", password[1])

    def test_without_a_terminal_it_shows_the_way_to_set_a_password(self, bare: Terminal) -> None:
        with serving(bare) as service:
            assert "fastops user reset-password admin@example.com --password-stdin" in service.output
            assert PASSWORD.search(service.output) is None
            chosen = "seven green tractors at dawn"
            bare.done("user", "reset-password", "admin@example.com", "--password-stdin", stdin=chosen + "\n")
            assert service.sign_in("admin@example.com", chosen)

    def test_of_two_first_starts_one_creates(self, bare: Terminal) -> None:
        with serving(bare) as first, serving(bare) as second:
            outputs = [first.output, second.output]
            assert sum("has no password yet" in output for output in outputs) == 1
        with sqlite3.connect(bare.data_dir / "fastops.db") as database:
            assert database.execute("SELECT count(*) FROM users").fetchone() == (1,)
            assert database.execute("SELECT count(*) FROM collections").fetchone() == (1,)

    def test_in_production_nothing_is_made(self, bare: Terminal) -> None:
        key = bare.done("keys", "make-master").out.strip()
        ended = bare.run("serve", **PRODUCTION, MASTER_KEY=key, PORT=str(free_port()))
        assert ended.code == 6
        assert not (bare.data_dir / "fastops.db").exists()

    def test_a_foreign_database_stops_the_start(self, bare: Terminal) -> None:
        with sqlite3.connect(bare.folder / "fastops.db") as database:
            database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY)")
        service = Serving(bare, DATABASE_URL="sqlite:///./fastops.db")
        assert service.process.wait(60) != 0
        assert "DATABASE_URL" in service.output


class TestEnd:
    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
    def test_it_stops_in_order_and_leaves_no_process(self, terminal: Terminal, how: signal.Signals) -> None:
        terminal.done("user", "create", "--email", "ada@example.com", "--name", "Ada")
        with serving(terminal) as service:
            service.stop(how)
            assert "Traceback" not in service.output
            assert not children_of(service.process.pid)

    def test_its_ingest_process_leaves_signals_to_it(self, bare: Terminal) -> None:
        """A terminal and a service manager signal both at once."""
        with serving(bare) as service:
            wait_for(lambda: "running" in job_states(bare))
            (child,) = children_of(service.process.pid)
            for number in (signal.SIGINT, signal.SIGTERM):
                os.kill(child, number)
            wait_for(lambda: job_states(bare) == {"succeeded"})
            assert children_of(service.process.pid) == [child]
            assert service.stop() == 0

    def test_a_killed_service_takes_its_ingest_process_along(self, bare: Terminal) -> None:
        with serving(bare) as service:
            wait_for(lambda: children_of(service.process.pid))
            (child, *_) = children_of(service.process.pid)
            service.stop(signal.SIGKILL)
            wait_for(lambda: not is_running(child), 20)

    def test_what_a_killed_service_was_ingesting_is_finished_by_the_next(self, bare: Terminal) -> None:
        chosen = "seven green tractors at dawn"
        with serving(bare) as service:
            bare.done("user", "reset-password", "admin@example.com", "--password-stdin", stdin=chosen + "\n")
            wait_for(lambda: "running" in job_states(bare))
            service.stop(signal.SIGKILL)
        assert "running" in job_states(bare)
        with serving(bare) as again:
            token = again.sign_in("admin@example.com", chosen)
            handbook = collection_named(again, token, "handbook")
            wait_for(lambda: document_states(again, token, handbook) == {"ready"})
        with sqlite3.connect(bare.data_dir / "fastops.db") as database:
            twice = database.execute("SELECT document_id, ordinal FROM chunks GROUP BY 1, 2 HAVING count(*) > 1")
            assert twice.fetchall() == []


def test_production_answers_through_its_proxy_and_sends_others_to_https(terminal: Terminal) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    with serving(terminal, **PRODUCTION, RATE_LIMITS="on") as service:
        for fields, status in (({}, 308), (forwarded, 401), ({"Host": "127.0.0.1", **forwarded}, 421)):
            connection = HTTPConnection("127.0.0.1", service.port, timeout=30)
            connection.request("GET", "/api/v1/me", headers={"Host": "kb.example.com", **fields})
            answer = connection.getresponse()
            assert answer.status == status
            if status == 308:
                assert answer.headers["location"] == "https://kb.example.com/api/v1/me"
            connection.close()
        wait_for(lambda: '"client":"203.0.113.9"' in service.output, 10)


def test_what_the_command_line_ingests_the_running_service_finds(terminal: Terminal) -> None:
    password = "seven green tractors at dawn"
    arguments = ("--email", "ada@example.com", "--name", "Ada", "--role", "admin", "--password-stdin")
    terminal.done("user", "create", *arguments, stdin=password + "\n")
    (terminal.folder / "zebra.md").write_text("# Zebras\n\nZebras have stripes that confuse horseflies.\n")
    with serving(terminal) as service:
        token = service.sign_in("ada@example.com", password)
        assert service.post("/api/v1/search", {"query": "stripes horseflies"}, token).json["items"] == []
        terminal.done("ingest", "zebra.md", "--collection", "animals")
        search = {"query": "stripes horseflies", "mode": "keyword"}
        wait_for(lambda: service.post("/api/v1/search", search, token).json["items"], 10)
