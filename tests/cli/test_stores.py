"""The same commands on the other stores, chosen by DATABASE_URL alone."""

from collections.abc import Iterator

import pytest

from tests import postgres
from tests.cli.conftest import Terminal
from tests.cli.serving import serving
from tests.cli.test_serve import wait_for
from tests.mariadb import empty_database

PASSWORD = "seven green tractors at dawn"


@pytest.fixture(params=["postgres", "mariadb"])
def on_server(request: pytest.FixtureRequest, bare: Terminal) -> Iterator[Terminal]:
    """An empty database of a server, and a master key, which is required there."""
    server = request.getfixturevalue(f"{request.param}_base")
    empty = postgres.cloned_database(server, "template1") if request.param == "postgres" else empty_database(server)
    with empty as url:
        bare.environment |= {"DATABASE_URL": url, "MASTER_KEY": bare.done("keys", "make-master").out.strip()}
        yield bare


def test_a_server_needs_a_master_key(bare: Terminal) -> None:
    ended = bare.run("user", "list", DATABASE_URL="postgresql://fastops:not-shown@127.0.0.1:1/fastops")
    assert ended.code == 2
    assert "MASTER_KEY" in ended.err


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_is_down_is_a_part_that_is_down(bare: Terminal, scheme: str) -> None:
    key = bare.done("keys", "make-master").out.strip()
    url = f"{scheme}://fastops:not-shown@127.0.0.1:1/fastops"
    ended = bare.run("user", "list", DATABASE_URL=url, MASTER_KEY=key)
    assert ended.code == 6
    assert "not-shown" not in ended.err


def test_on_a_server_nothing_is_made_by_itself(on_server: Terminal) -> None:
    ended = on_server.run("serve", "--port", "1")
    assert ended.code != 0
    ended = on_server.run("user", "list")
    assert ended.code == 6
    assert "fastops db upgrade" in ended.err


def test_on_a_server_a_document_goes_all_the_way(on_server: Terminal) -> None:
    on_server.done("db", "upgrade")
    arguments = ("--email", "ada@example.com", "--name", "Ada", "--role", "admin", "--password-stdin")
    on_server.done("user", "create", *arguments, stdin=PASSWORD + "\n")
    (on_server.folder / "zebra.md").write_text("# Zebras\n\nZebras have stripes that confuse horseflies.\n")
    on_server.done("ingest", "zebra.md", "--collection", "animals")
    search = ("search", "stripes horseflies", "--mode", "keyword", "--json")
    assert on_server.done(*search).data["items"][0]["title"] == "Zebras"
    with serving(on_server) as service:
        token = service.sign_in("ada@example.com", PASSWORD)
        wanted = {"query": "stripes horseflies", "mode": "keyword"}
        assert service.post("/api/v1/search", wanted, token).json["items"]
        (on_server.folder / "otter.md").write_text("# Otters\n\nOtters hold hands while they sleep.\n")
        on_server.done("ingest", "otter.md", "--collection", "animals")
        wanted = {"query": "otters hold hands", "mode": "keyword"}
        wait_for(lambda: service.post("/api/v1/search", wanted, token).json["items"], 10)
        wait_for(
            lambda: all(event["sequence"] for event in service.get("/api/v1/audit-events", token).json["items"]), 10
        )


def test_in_memory_everything_works_and_nothing_is_left(bare: Terminal) -> None:
    with serving(bare, DATABASE_URL="memory://") as service:
        assert service.get("/version").status == 200
        assert "has no password yet" in service.output
        assert service.stop() == 0
    assert not (bare.data_dir / "fastops.db").exists()
