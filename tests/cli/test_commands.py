"""Commands: what goes where, how they end, and that no secret passes through an argument or a line."""

import base64
import socket
import sqlite3
import subprocess
import sys
from importlib.metadata import version

import pytest

from adapters.persistence.sqlalchemy.schema.chain import needed
from tests.cli.conftest import COMMAND, Terminal

PASSWORD = "seven green tractors at dawn"


def test_help_lists_every_noun(bare: Terminal) -> None:
    shown = bare.done("--help").out
    for noun in ("serve", "db", "user", "collection", "ingest", "search", "ask", "evaluate", "doctor", "model", "keys"):
        assert noun in shown


def test_without_arguments_it_is_wrong_use(bare: Terminal) -> None:
    assert bare.run().code == 2
    assert bare.run("user", "create").code == 2
    assert bare.run("no-such-command").code == 2


def test_version_says_the_release(bare: Terminal) -> None:
    told = bare.done("version", "--json").data
    assert (told["fastops"], told["schema"]) == (version("fastops"), needed())
    assert told["oldest_reader"]
    assert bare.done("version").out.startswith("fastops ")


def test_a_master_key_is_32_bytes_and_new_each_time(bare: Terminal) -> None:
    keys = {bare.done("keys", "make-master").out.strip() for _ in range(2)}
    assert len(keys) == 2
    assert {len(base64.b64decode(key, validate=True)) for key in keys} == {32}


@pytest.mark.parametrize("command", [("user", "list"), ("search", "x"), ("db", "check"), ("collection", "create", "x")])
def test_a_command_without_a_database_says_where_it_looked(bare: Terminal, command: tuple[str, ...]) -> None:
    ended = bare.run(*command)
    assert ended.code == 6
    assert str(bare.data_dir / "fastops.db") in ended.err
    assert ended.out == ""
    assert not bare.data_dir.exists()


def test_a_wrong_setting_is_named_and_its_value_is_not(bare: Terminal) -> None:
    ended = bare.run("user", "list", DATABASE_URL="oracle://scott:tiger@db/x", PORT="many")
    assert ended.code == 2
    assert "DATABASE_URL" in ended.err
    assert "PORT" in ended.err
    assert "tiger" not in ended.err
    assert "many" not in ended.err


class TestDatabase:
    def test_upgrade_makes_what_is_missing_and_again_changes_nothing(self, bare: Terminal) -> None:
        bare.done("db", "upgrade")
        key = (bare.data_dir / "master.key").read_text()
        assert (bare.data_dir / "master.key").stat().st_mode & 0o777 == 0o600
        assert bare.data_dir.stat().st_mode & 0o777 == 0o700
        bare.done("db", "upgrade")
        assert (bare.data_dir / "master.key").read_text() == key
        assert bare.done("db", "check", "--json").data["state"] == "current"

    def test_an_older_schema_names_the_way_out(self, terminal: Terminal) -> None:
        terminal.done("db", "downgrade", "base", "--yes")
        ended = terminal.run("user", "list")
        assert ended.code == 6
        assert "fastops db upgrade" in ended.err

    def test_a_newer_schema_is_refused(self, terminal: Terminal) -> None:
        with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
            database.execute("UPDATE installation SET value = '99.0.0' WHERE name = 'oldest_reader'")
        ended = terminal.run("user", "list")
        assert ended.code == 6
        assert "newer" in ended.err

    def test_a_newer_schema_that_this_release_may_read_is_taken(self, terminal: Terminal) -> None:
        with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
        assert terminal.done("user", "list", "--json").data == []

    def test_a_foreign_database_stops_every_command_by_name(self, bare: Terminal) -> None:
        with sqlite3.connect(bare.folder / "fastops.db") as database:
            database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        for command in (("db", "upgrade"), ("user", "list")):
            ended = bare.run(*command, DATABASE_URL="sqlite:///./fastops.db")
            assert ended.code == 4
            assert "foreign_database" in ended.err

    def test_a_database_whose_key_is_gone_gets_no_other_one(self, terminal: Terminal) -> None:
        (terminal.data_dir / "master.key").unlink()
        ended = terminal.run("db", "upgrade")
        assert ended.code == 4
        assert "master_key_missing" in ended.err
        assert not (terminal.data_dir / "master.key").exists()

    def test_another_master_key_is_told_from_the_right_one(self, terminal: Terminal) -> None:
        terminal.done("user", "list")
        other = terminal.done("keys", "make-master").out.strip()
        ended = terminal.run("user", "list", MASTER_KEY=other)
        assert ended.code == 7
        assert "master_key_differs" in ended.err
        assert other not in ended.err


class TestUsers:
    def test_a_user_is_created_found_and_given_a_password(self, terminal: Terminal) -> None:
        arguments = ("--email", "Ada@Example.com", "--name", "Ada", "--role", "admin", "--password-stdin", "--json")
        made = terminal.done("user", "create", *arguments, stdin=PASSWORD + "\n")
        assert made.data["email"] == "ada@example.com"
        assert PASSWORD not in made.out + made.err
        assert [user["email"] for user in terminal.done("user", "list", "--json").data] == ["ada@example.com"]
        reset = terminal.done("user", "reset-password", "ada@example.com", "--password-stdin", stdin=PASSWORD + "!\n")
        assert reset.out == ""

    def test_an_export_replaces_no_file(self, terminal: Terminal) -> None:
        (terminal.folder / "ada.zip").write_text("kept")
        ended = terminal.run("user", "export", "ada@example.com", "--to", "ada.zip")
        assert ended.code == 4
        assert "file_exists" in ended.err
        assert (terminal.folder / "ada.zip").read_text() == "kept"

    def test_an_export_into_no_folder_names_it(self, terminal: Terminal) -> None:
        for command in (
            ("user", "export", "ada@example.com", "--to"),
            ("audit", "export", "--output"),
        ):
            ended = terminal.run(*command, "no-folder/file")
            assert (ended.code, "no-folder" in ended.err) == (2, True)

    def test_refusals_end_by_their_kind(self, terminal: Terminal) -> None:
        create = ("user", "create", "--name", "Eve", "--email")
        terminal.done(*create, "eve@example.com")
        assert terminal.run(*create, "eve@example.com").code == 4
        assert terminal.run(*create, "no-address").code == 7
        assert terminal.run(*create, "bob@example.com", "--role", "emperor").code == 7
        assert terminal.run(*create, "bob@example.com", "--password-stdin", stdin="short\n").code == 7
        reset = ("user", "reset-password", "nobody@example.com", "--password-stdin")
        assert terminal.run(*reset, stdin=PASSWORD + "\n").code == 3

    def test_a_password_is_not_asked_for_without_a_terminal(self, terminal: Terminal) -> None:
        ended = terminal.run("user", "reset-password", "ada@example.com")
        assert ended.code == 2
        assert "--password-stdin" in ended.err

    def test_the_operating_system_user_is_audited(self, terminal: Terminal) -> None:
        terminal.done("user", "create", "--name", "Ada", "--email", "ada@example.com")
        with sqlite3.connect(terminal.data_dir / "fastops.db") as database:
            rows = database.execute("SELECT actor_type, actor_id, request_id, operation FROM journal").fetchall()
            sealed = database.execute("SELECT max(last_position) FROM journal_seals").fetchone()[0]
        assert rows
        asked = [row for row in rows if row[3] != "signing_key.create"]  # which nobody asks for
        assert {(row[0], row[1].partition(":")[0], row[2].partition("-")[0]) for row in asked} == {
            ("system", "system", "cli")
        }
        assert sealed == len(rows)


def test_collections_are_created_and_listed(terminal: Terminal) -> None:
    made = terminal.done("collection", "create", "Handbooks", "--json").data
    assert terminal.done("collection", "list", "--json").data == [made]
    assert "Handbooks" in terminal.done("collection", "list").out


def test_a_port_in_use_is_told_in_one_sentence(terminal: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = terminal.run("serve", "--port", str(taken.getsockname()[1]))
    assert ended.code == 4
    assert "port_in_use" in ended.err


def test_an_address_of_another_machine_is_told_in_one_sentence(terminal: Terminal) -> None:
    ended = terminal.run("serve", "--host", "192.0.2.1")
    assert ended.code == 7
    assert "address_refused" in ended.err


def test_a_reader_that_goes_away_leaves_no_trace(terminal: Terminal) -> None:
    shell = f"{' '.join(COMMAND)} collection list --json | {sys.executable} -c 'pass'"
    done = subprocess.run(
        ["/bin/sh", "-c", shell], capture_output=True, text=True, cwd=terminal.folder, env=terminal.env()
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_doctor_tells_what_is_missing_and_changes_nothing(bare: Terminal) -> None:
    ended = bare.run("doctor", "--json")
    assert ended.code == 6
    findings = {finding["part"]: finding for finding in ended.data}
    assert findings["database"]["state"] == "bad"
    assert "fastops db upgrade" in findings["database"]["detail"]
    assert not bare.data_dir.exists()


def test_doctor_is_content_with_an_installation(terminal: Terminal) -> None:
    findings = {finding["part"]: finding["state"] for finding in terminal.done("doctor", "--json").data}
    assert "bad" not in findings.values()
    assert findings["language model"] == "note"


def test_doctor_says_where_limits_are_counted(terminal: Terminal, redis_url: str) -> None:
    def finding(**settings: str) -> tuple[str, str, int]:
        ended = terminal.run("doctor", "--json", **settings)
        (found,) = [found for found in ended.data if found["part"] == "rate limits"]
        return found["state"], found["detail"], ended.code

    assert finding()[0] == "ok"
    assert finding(RATE_LIMITS="off")[0] == "note"
    assert finding(REDIS_URL=redis_url)[0] == "ok"
    state, detail, code = finding(REDIS_URL="redis://:canary-3f9a@127.0.0.1:9/0")
    assert (state, code) == ("bad", 6)
    assert "REDIS_URL" in detail
    assert "canary-3f9a" not in detail


def test_an_option_that_redis_does_not_know_stops_the_start(terminal: Terminal) -> None:
    ended = terminal.run("serve", REDIS_URL="redis://:canary-3f9a@127.0.0.1:9/0?colour=red", PORT="1")
    assert ended.code == 2
    assert "REDIS_URL" in ended.err
    assert "canary-3f9a" not in ended.err


class TestImportOfUsers:
    def test_people_move_over_with_their_hashes_and_bad_lines_are_named(self, terminal: Terminal) -> None:
        django = "pbkdf2_sha256$1000$salt$dhdSdnVYR4kpUvsJbQY8zXT/8lq3WUsUjVGWF8Y2sJU="
        lines = [
            f'{{"email": "ada@example.com", "name": "Ada", "password_hash": "{django}", "roles": ["viewer"]}}',
            '{"email": "grace@example.com", "name": "Grace", "email_verified": true}',
            '{"email": "ada@example.com", "name": "Ada again"}',
            '{"email": "eve@example.com", "name": "Eve", "password_hash": "md5$secret-hash"}',
            '{"email": "eve@example.com", "name": "Eve", "is_admin": true}',
            "no JSON",
        ]
        ended = terminal.run("user", "import", "--json", stdin="\n".join(lines))
        assert ended.code == 1
        assert ended.data["made"] == 2
        assert [(item["line"], item["code"]) for item in ended.data["failures"]] == [
            (3, "email_taken"),
            (4, "password_refused"),
            (5, "user_line_invalid"),
            (6, "user_line_invalid"),
        ]
        assert "secret-hash" not in ended.out + ended.err
        people = {user["email"]: user for user in terminal.done("user", "list", "--json").data}
        assert people["ada@example.com"]["roles"] == ["viewer"]
        assert people["grace@example.com"]["email_verified"]

    def test_an_invitation_is_mailed_at_once_and_its_link_is_for_the_mailbox_alone(self, terminal: Terminal) -> None:
        ended = terminal.done("user", "invite", "ada@example.com", "--name", "Ada")
        (mail,) = (terminal.data_dir / "outbox").glob("*.eml")
        assert "/account/accept-invitation#" in mail.read_text()
        assert "#" not in ended.out + ended.err
        terminal.done("user", "invite", "ada@example.com")
        assert terminal.run("user", "invite", "ada@example.com", ENVIRONMENT="staging").code == 5
        assert terminal.run("user", "invite", "new@example.com").code == 2

    def test_what_is_held_on_somebody_is_written_into_a_file_of_their_own(self, terminal: Terminal) -> None:
        terminal.done("user", "create", "--email", "ada@example.com", "--name", "Ada")
        target = terminal.folder / "ada.zip"
        terminal.done("user", "export", "ada@example.com", "--to", str(target))
        assert target.stat().st_mode & 0o777 == 0o600
        assert b"account.json" in target.read_bytes()
        assert terminal.run("user", "export", "ada@example.com", "--to", str(target)).code == 4
        assert terminal.run("user", "export", "eve@example.com", "--to", str(target) + "2").code == 3
